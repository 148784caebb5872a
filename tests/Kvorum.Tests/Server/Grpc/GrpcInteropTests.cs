using Kvorum.Protocol;

namespace Kvorum.Tests.Server.Grpc;

/// <summary>Clients that others wrote against our server: what they agree with is the protocol.</summary>
public class GrpcInteropTests(GrpcFixture fixture) : IClassFixture<GrpcFixture>
{
    [Fact]
    public async Task Python_grpcio_agrees()
    {
        var said = await ChildProcess.RunAsync(
            "/usr/bin/python3",
            ["test_kv.py", fixture.Address],
            "tests/interop/grpc_python",
            "install them with apt-get install python3-grpcio python3-grpc-tools",
            TimeSpan.FromSeconds(90));
        Assert.Contains("all passed", said);
        // Two deadlines and two cancellations, of a single call and of a stream each: the handlers must have
        // seen them all.
        var deadline = DateTime.UtcNow.AddSeconds(10);
        while (fixture.Echo.Cancelled < 4 && DateTime.UtcNow < deadline)
            await Task.Delay(5, TestContext.Current.CancellationToken);
        Assert.InRange(fixture.Echo.Cancelled, 4, int.MaxValue);
        // A slow reader of 20 MB took one page and slept: only what the connection's windows hold was read
        // for it.
        var pages = fixture.Node.Seen.OfType<ScanRequest>()
            .Count(static scan => scan.Key.Span.StartsWith("slow:"u8));
        Assert.InRange(pages, 1, 40);
    }

    [Fact]
    public async Task Grpc_js_agrees()
    {
        const string Folder = "tests/interop/grpc_js";
        if (!Directory.Exists(Path.Combine(ChildProcess.Root, Folder, "node_modules", "@grpc", "grpc-js")))
            await ChildProcess.RunAsync(
                "npm", ["ci", "--no-audit", "--no-fund"], Folder, NodeRemedy, TimeSpan.FromSeconds(120));
        var said = await ChildProcess.RunAsync(
            "node", ["test_kv.mjs", fixture.Address], Folder, NodeRemedy, TimeSpan.FromSeconds(90));
        Assert.Contains("all passed", said);
    }

    private const string NodeRemedy =
        "install Node.js 18 or newer with npm, then run npm ci in tests/interop/grpc_js";
}
