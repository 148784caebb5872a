using Kvorum.Server.Hosting;

namespace Kvorum.Tests.Server.Hosting;

public class SecurityRulesTests
{
    private static readonly ServerOptions Secure = new()
    {
        TlsCertificate = "n.crt",
        TlsKey = "n.key",
        TlsAuthorities = "ca.crt",
    };

    public static TheoryData<ServerOptions, string> Refused => new()
    {
        { new() { ClientAddress = "0.0.0.0:1" }, "--addr 0.0.0.0:1 is reached from other machines" },
        { new() { HttpAddress = "*:1" }, "--http-addr *:1 is reached from other machines" },
        { new() { PeerAddress = "10.1.2.3:1" }, "--peer-addr 10.1.2.3:1 is reached from other machines" },
        { new() { PeerAddress = "[::]:1" }, "or --insecure if only machines that you trust reach it" },
        { Secure with { TlsKey = "" }, "--tls-key is missing" },
        { Secure with { TlsCertificate = "", TlsKey = "" }, "--tls-cert and --tls-key is missing" },
        { new() { TlsRevoked = "l.crl" }, "--tls-crl 'l.crl' has no use without" },
        { Secure with { TlsClientAuth = "maybe" }, "--tls-client-auth 'maybe'" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_node_that_others_reach_without_TLS_does_not_start(ServerOptions options, string told) =>
        Assert.Contains(told, Assert.Single(options.Validate()), StringComparison.Ordinal);

    [Fact]
    public void With_TLS_or_consent_it_does_and_consent_is_a_warning()
    {
        var outside = new ServerOptions { ClientAddress = "0.0.0.0:1", HttpAddress = "0.0.0.0:2" };
        Assert.Empty((outside with { Insecure = true }).Validate());
        Assert.Equal(
            "--insecure: --addr 0.0.0.0:1, --http-addr 0.0.0.0:2 take plain connections, and whoever reaches "
            + "them may read and write everything",
            Assert.Single((outside with { Insecure = true }).Warnings()));
        var secure = Secure with { ClientAddress = "0.0.0.0:1" };
        Assert.Empty(secure.Validate().Concat(secure.Warnings()));
        Assert.Single((secure with { Insecure = true }).Warnings());
        Assert.Single((secure with { TlsClientAuth = "none" }).Warnings());
        Assert.Empty(
            new ServerOptions { ClientAddress = "localhost:1", HttpAddress = "[::1]:2", Insecure = true }
            .Warnings());
    }

    /// <summary>What a name means is known when it is looked up.</summary>
    [Fact]
    public async Task A_name_of_this_machine_that_is_not_loopback_is_refused_too()
    {
        var host = System.Net.Dns.GetHostName();
        var found = await System.Net.Dns.GetHostAddressesAsync(host, TestContext.Current.CancellationToken);
        if (found.Length == 0 || found.Any(System.Net.IPAddress.IsLoopback))
            Assert.Skip("this machine's name leads to itself");
        var refused = await Assert.ThrowsAsync<ServerStartException>(() => KvorumServer.StartAsync(
            new() { ClientAddress = $"{host}:0" }, cancelled: TestContext.Current.CancellationToken));
        Assert.Contains("is reached from other machines", refused.Message, StringComparison.Ordinal);
    }
}
