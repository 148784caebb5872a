using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Kvorum.Client;
using Kvorum.Tests.Cli;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Grpc;

/// <summary>
/// A real node, and two clients that are on its client port all the time, one by gRPC and one by the native
/// protocol: whatever others send there must not harm them.
/// </summary>
public sealed class AbusedNode : IAsyncLifetime
{
    /// <summary>
    /// What the process may grow by, in bytes, whatever one connection sends: 128 calls with a value of 4 MiB
    /// each, that all come at once before it is known how large they are, and what the collector leaves.
    /// </summary>
    private const long GrowthMax = 900L << 20;

    private readonly ServerPlace _place = ServerPlace.Free(1)[0];
    private readonly HttpClient _bystander = new() { Timeout = TimeSpan.FromSeconds(5) };
    private KvorumProcess _process = null!;
    private KvorumClient _native = null!;
    private long _residentBefore;

    public IPEndPoint EndPoint => IPEndPoint.Parse(_place.Addr);

    public async ValueTask InitializeAsync()
    {
        _process = KvorumProcess.Start(["start", .. _place.Flags]);
        await _process.Says("is ready");
        _native = KvorumClient.Connect(new()
        {
            Addresses = [_place.Addr],
            Timeout = TimeSpan.FromSeconds(5),
        });
        await AssertUnharmedAsync();
        _residentBefore = Resident();
    }

    public async ValueTask DisposeAsync()
    {
        _bystander.Dispose();
        await _native.DisposeAsync();
        await _process.DisposeAsync();
        _place.Dispose();
    }

    /// <summary>
    /// Both clients are served on the connections that they had before, and memory is bounded.
    /// </summary>
    public async Task AssertUnharmedAsync()
    {
        Assert.False(_process.HasExited, $"the node has ended:\n{_process.Output}{_process.Errors}");
        var put = new V1.PutRequest
        {
            Key = ByteString.CopyFromUtf8("k"),
            Value = ByteString.CopyFromUtf8("v"),
        };
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{_place.Addr}/kvorum.v1.KV/Put")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(RawHttp2.Message(put.ToByteArray())),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using var answer = await _bystander.SendAsync(request, TestContext.Current.CancellationToken);
        await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        Assert.Equal("0", answer.TrailingHeaders.GetValues("grpc-status").Single());
        Assert.Equal("v", (await _native.GetAsync("k", null, TestContext.Current.CancellationToken)).Text);
        if (_residentBefore > 0)
            Assert.InRange(Resident() - _residentBefore, long.MinValue, GrowthMax);
    }

    /// <summary>Stores a value.</summary>
    public async Task PutAsync(string key, byte[] value) => await _native.PutAsync(
        System.Text.Encoding.UTF8.GetBytes(key), value, null, TestContext.Current.CancellationToken);

    /// <summary>Bytes of memory that the process has now; 0 where the system does not tell.</summary>
    public long Resident()
    {
        if (!OperatingSystem.IsLinux())
            return 0;
        var line = File.ReadLines($"/proc/{_process.Id}/status")
            .First(static one => one.StartsWith("VmRSS:", StringComparison.Ordinal));
        var kibibytes = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return long.Parse(kibibytes, CultureInfo.InvariantCulture) << 10;
    }
}
