using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Kvorum.Client;
using Kvorum.Protocol;
using Kvorum.Server.Hosting;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Hosting;

/// <summary>Settings that all doors of a whole server keep to.</summary>
public sealed class DoorsTests : IDisposable
{
    private static readonly HttpClient Http = new();

    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-test-").FullName;

    private ServerOptions AnyPorts => new()
    {
        Id = "node-1",
        DataFolder = Path.Combine(_folder, "data"),
        ClientAddress = "127.0.0.1:0",
        HttpAddress = "127.0.0.1:0",
        PeerAddress = "127.0.0.1:0",
    };

    [Fact(Timeout = 120_000)]
    public async Task A_value_at_the_greatest_bound_goes_through_every_door_and_stays_readable()
    {
        var value = new byte[Limits.ValueBytesCeiling];
        new Random(1).NextBytes(value);
        await using (var server = await StartAsync(
            AnyPorts with { ValueBytesMax = Limits.ValueBytesCeiling }))
        {
            foreach (var door in Doors)
            {
                await PutAsync(server, door, value);
                await Assert.ThrowsAnyAsync<Exception>(() => PutAsync(server, door, [.. value, 0]));
                await HoldsAsync(server, door, value);
            }
        }

        // The default bound again: what is stored is read through every door, and no more of it is taken.
        await using var next = await StartAsync(AnyPorts);
        foreach (var door in Doors)
        {
            await Assert.ThrowsAnyAsync<Exception>(
                () => PutAsync(next, door, new byte[Limits.ValueBytesMax + 1]));
            await HoldsAsync(next, door, value);
        }

        foreach (var door in Doors)
            await PutAsync(next, door, new byte[Limits.ValueBytesMax]);
    }

    [Fact(Timeout = 120_000)]
    public async Task An_import_takes_what_another_folder_has_stored()
    {
        var value = new byte[5 << 20];
        new Random(2).NextBytes(value);
        var lengths = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(lengths, value.Length);
        var log = Path.Combine(_folder, "large.wal");
        await File.WriteAllBytesAsync(
            log, [1, 3, 0, 0, 0, .. "big"u8, .. lengths, .. value], TestContext.Current.CancellationToken);
        Assert.Equal(1, await WalImport.RunAsync(
            log, AnyPorts.DataFolder, new() { Id = "node-1" }, TestContext.Current.CancellationToken));
        await using var server = await StartAsync(AnyPorts);
        await HoldsAsync(server, "native", value);
    }

    [Fact(Timeout = 60_000)]
    public async Task Http_is_asked_under_the_names_that_the_server_was_given()
    {
        await using var server = await StartAsync(
            AnyPorts with { HttpHosts = "kv.example, kv-2.example" });
        foreach (var (host, status) in new[]
        {
            (server.Self.HttpAddress, 200), ("localhost", 200), ("node-1:8080", 200), ("kv.example", 200),
            ("KV-2.example:80", 200), (Environment.MachineName, 200),
            ("evil.example", 421), ("node-2", 421),
        })
        {
            using var request = new HttpRequestMessage(
                HttpMethod.Get, $"http://{server.Self.HttpAddress}/openapi/v1.json");
            request.Headers.Host = host;
            using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal((host, status), (host, (int)response.StatusCode));
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Task<KvorumServer> StartAsync(ServerOptions options) =>
        KvorumServer.StartAsync(options, cancelled: TestContext.Current.CancellationToken);

    private static string[] Doors => ["native", "http", "grpc"];

    private static async Task PutAsync(KvorumServer server, string door, byte[] value)
    {
        switch (door)
        {
            case "native":
                await using (var client = Connect(server))
                    await client.PutAsync(System.Text.Encoding.UTF8.GetBytes("big"), value);
                break;
            case "http":
                using (var put = await Http.PutAsync(
                    $"http://{server.Self.HttpAddress}/v1/kv/big", new ByteArrayContent(value)))
                    put.EnsureSuccessStatusCode();
                break;
            default:
                var request = new V1.PutRequest
                {
                    Key = ByteString.CopyFromUtf8("big"),
                    Value = UnsafeByteOperations.UnsafeWrap(value),
                };
                Assert.NotEmpty(await CallAsync(server, "Put", request));
                break;
        }
    }

    private static async Task HoldsAsync(KvorumServer server, string door, byte[] value)
    {
        switch (door)
        {
            case "native":
                await using (var client = Connect(server))
                    Assert.True((await client.GetAsync("big")).Value.Span.SequenceEqual(value));
                break;
            case "http":
                var got = await Http.GetByteArrayAsync($"http://{server.Self.HttpAddress}/v1/kv/big");
                Assert.True(got.AsSpan().SequenceEqual(value));
                break;
            default:
                var answer = await CallAsync(
                    server, "Get", new V1.GetRequest { Key = ByteString.CopyFromUtf8("big") });
                Assert.True(
                    V1.GetResponse.Parser.ParseFrom(answer.AsSpan(5)).Value.Span.SequenceEqual(value));
                break;
        }
    }

    private static KvorumClient Connect(KvorumServer server) => KvorumClient.Connect(
        new() { Addresses = [server.Self.ClientAddress], Timeout = TimeSpan.FromSeconds(30) });

    private static async Task<byte[]> CallAsync(KvorumServer server, string method, IMessage message)
    {
        var frame = new byte[5 + message.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - 5);
        message.WriteTo(frame.AsSpan(5));
        using var request = new HttpRequestMessage(
            HttpMethod.Post, $"http://{server.Self.ClientAddress}/kvorum.v1.KV/{method}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(frame),
        };
        request.Headers.Add("te", "trailers");
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using var response = await Http.SendAsync(request);
        var body = await response.Content.ReadAsByteArrayAsync();
        Assert.Equal("0", response.TrailingHeaders.GetValues("grpc-status").Single());
        return body;
    }
}
