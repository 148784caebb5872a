using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Kvorum.Protocol;
using Compatibility = Kvorum.Server.Grpc.Compatibility;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Grpc;

/// <summary>
/// Every kind of request can be asked over gRPC, and its failures carry the advice of the table.
/// </summary>
public class EveryGrpcRequestTests(GrpcFixture fixture) : IClassFixture<GrpcFixture>
{
    private static readonly HttpClient Client = new();

    // The contracts of kv.KV and of a pipeline have no scan.
    private static readonly RequestKind[] OfOneKey =
        [.. Enum.GetValues<RequestKind>().Where(static kind => kind != RequestKind.Scan)];

    private static readonly ReplyStatus[] Failures =
        [.. Enum.GetValues<ReplyStatus>().Where(static status => status != ReplyStatus.Ok)];

    [Fact]
    public async Task Every_kind_has_a_method_with_the_advice_of_the_table()
    {
        foreach (var kind in Enum.GetValues<RequestKind>())
            await CheckAsync(kind, Failures, key => ($"/kvorum.v1.KV/{kind}", MessageOf(kind, key)));
    }

    [Fact]
    public async Task Every_kind_of_the_first_design_has_the_advice_of_the_table()
    {
        // There a write that came to another node than the leader is answered, with a hint.
        var failures = Failures.Where(static status => status != ReplyStatus.NotLeader).ToArray();
        foreach (var kind in OfOneKey)
            await CheckAsync(kind, failures, key => ($"/kv.KV/{kind}", CompatibleMessageOf(kind, key)));
    }

    [Fact]
    public async Task A_pipeline_takes_every_kind_that_is_about_one_key()
    {
        foreach (var kind in OfOneKey)
        {
            Assert.Equal($"{kind}", $"{(await PipeAsync(kind, "every")).KindCase}");
            Assert.Equal(kind, fixture.Node.Seen[^1].Kind);
            foreach (var status in Failures)
            {
                var reply = await PipeAsync(kind, $"status:{status}");
                Assert.Equal(
                    (kind, status, AdviceOf(status)), (kind, status, reply.Error.Retry));
            }
        }
    }

    private async Task CheckAsync(
        RequestKind kind, IReadOnlyList<ReplyStatus> failures,
        Func<string, (string Path, IMessage Message)> call)
    {
        var (path, message) = call("every");
        using (var served = await PostAsync(path, message))
        {
            await served.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
            Assert.Equal("0", Trailer(served, "grpc-status"));
        }

        Assert.Equal(kind, fixture.Node.Seen[^1].Kind);
        foreach (var status in failures)
        {
            (path, message) = call($"status:{status}");
            using var refused = await PostAsync(path, message);
            await refused.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
            Assert.Equal((path, status, AdviceOf(status)), (path, status, Trailer(refused, "kvorum-retry")));
        }
    }

    // For the request that the node saw last.
    private string AdviceOf(ReplyStatus status) =>
        RetryTable.NameOf(RetryTable.AdviceOf(status, fixture.Node.Seen[^1]));

    private static IMessage MessageOf(RequestKind kind, string key)
    {
        var bytes = ByteString.CopyFromUtf8(key);
        return kind switch
        {
            RequestKind.Put => new V1.PutRequest { Key = bytes },
            RequestKind.Get => new V1.GetRequest { Key = bytes },
            RequestKind.Delete => new V1.DeleteRequest { Key = bytes },
            RequestKind.Scan => new V1.ScanRequest { Prefix = bytes },
            _ => throw new NotSupportedException($"kvorum.v1.KV has no {kind}."),
        };
    }

    private static IMessage CompatibleMessageOf(RequestKind kind, string key) => kind switch
    {
        RequestKind.Put => new Compatibility.PutRequest { Key = key },
        RequestKind.Get => new Compatibility.GetRequest { Key = key },
        RequestKind.Delete => new Compatibility.DeleteRequest { Key = key },
        _ => throw new NotSupportedException($"kv.KV has no {kind}."),
    };

    private async Task<V1.KeyReply> PipeAsync(RequestKind kind, string key)
    {
        var asked = MessageOf(kind, key) switch
        {
            V1.PutRequest put => new V1.KeyRequest { Put = put },
            V1.GetRequest get => new V1.KeyRequest { Get = get },
            V1.DeleteRequest delete => new V1.KeyRequest { Delete = delete },
            _ => throw new NotSupportedException($"A pipeline has no {kind}."),
        };
        using var response = await PostAsync("/kvorum.v1.KV/Pipeline", asked);
        var body = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        return V1.KeyReply.Parser.ParseFrom(body.AsSpan(5));
    }

    private static string Trailer(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var early)
            ? early.Single()
            : response.TrailingHeaders.GetValues(name).Single();

    private async Task<HttpResponseMessage> PostAsync(string path, IMessage message)
    {
        var frame = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - 5);
        message.WriteTo(frame.AsSpan(5));
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{fixture.Address}{path}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(frame),
        };
        request.Headers.Add("te", "trailers");
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        return await Client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
