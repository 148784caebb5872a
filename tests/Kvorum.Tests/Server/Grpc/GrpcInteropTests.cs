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
            "test/interop/grpc_python",
            "install Debian's python3-grpcio and python3-grpc-tools (apt-get install python3-grpcio python3-grpc-tools)",
            TimeSpan.FromSeconds(90));
        Assert.Contains("all passed", said);
    }
}
