using System.Security.Cryptography.X509Certificates;
using Kvorum.Cli.Administration;
using Kvorum.Cli.Certificates;
using Kvorum.Client;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Server.Certificates;

namespace Kvorum.Cli.Demo;

/// <summary>
/// TLS and rights of a cluster of this machine: a CA of its own, a certificate for each server, one for the
/// user who may do everything, and one for somebody who is no user.
/// </summary>
internal sealed class DemoSecurity
{
    private const string User = "demo";
    private const string Stranger = "stranger";

    private readonly CertificateStore _store;

    /// <param name="folder">Where the files are put.</param>
    /// <param name="servers">The names of the servers.</param>
    public DemoSecurity(string folder, IEnumerable<string> servers)
    {
        _store = new(Path.Combine(folder, SecureStart.Folder));
        CertCommand.Found(_store, "Kvorum demo", CertCommand.LeafLife);
        foreach (var server in servers)
            CertCommand.Issue(_store, new(CertificateRole.Node, server), [], CertCommand.LeafLife);
        foreach (var client in new[] { User, Stranger })
            CertCommand.Issue(_store, new(CertificateRole.Client, client), [], CertCommand.LeafLife);
        Tls = Of(User);
    }

    /// <summary>As whom the demo asks.</summary>
    public KvorumTls Tls { get; }

    /// <summary>What a server is told.</summary>
    public string[] FlagsOf(string server) =>
    [
        "--tls-cert", _store.CertificatePath(server), "--tls-key", _store.KeyPath(server), "--tls-ca",
        _store.CertificatePath(CertificateStore.AuthorityName),
    ];

    /// <summary>A server's certificate, with its key.</summary>
    public X509Certificate2 CertificateOf(string server) => CertificateStore.Read(
        _store.CertificatePath(server), certificate => CertificateStore.Read(
            _store.KeyPath(server), key => CertificateFiles.WithKey(
                CertificateFiles.Certificates(certificate)[0], key)));

    /// <summary>
    /// Enforces rights, and sees that somebody who is no user, and whoever speaks without TLS, reads nothing.
    /// </summary>
    public async Task<string> Enforce(DemoServer server, CancellationToken cancel)
    {
        AdminChange[] changes =
            [new CreateUser(User, ["admin"]), new EnforceRights(On: true)];
        foreach (var change in changes)
        {
            var message = "";
            await DemoSteps.Until("the cluster takes the change", async () =>
            {
                await using var client = DemoSteps.Connect(server);
                var (reply, _) = await AdminCall.Ask(client, change, cancel).ConfigureAwait(false);
                message = reply.Message;
                return reply.Status == ReplyStatus.Ok
                    || message.Contains("already", StringComparison.Ordinal);
            }, cancel, () => message).ConfigureAwait(false);
        }

        // A node that the client is led to may hear of it a moment later.
        await DemoSteps.Until("somebody who is no user is refused", async () =>
            (await Answer(server, Of(Stranger), cancel).ConfigureAwait(false))?.Status
                == ReplyStatus.Unauthenticated, cancel).ConfigureAwait(false);
        var plain = await Answer(server, tls: null, cancel).ConfigureAwait(false)
            ?? throw new InvalidOperationException("a client without TLS was answered");
        return $"a client without TLS hears: {plain.Message}";
    }

    // Null if it was not refused.
    private static async Task<KvorumException?> Answer(
        DemoServer server, KvorumTls? tls, CancellationToken cancel)
    {
        await using var client = KvorumClient.Connect(new()
        {
            Addresses = [server.Address],
            Name = "kvorum-demo",
            Timeout = TimeSpan.FromSeconds(2),
            Tls = tls,
        });
        try
        {
            await client.GetAsync("secret", cancellationToken: cancel).ConfigureAwait(false);
            return null;
        }
        catch (KvorumException e)
        {
            return e;
        }
    }

    private KvorumTls Of(string client) => KvorumTls.FromFiles(
        _store.CertificatePath(CertificateStore.AuthorityName), _store.CertificatePath(client),
        _store.KeyPath(client));
}
