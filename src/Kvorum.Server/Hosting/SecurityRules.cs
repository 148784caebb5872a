using System.Net;
using System.Net.Security;
using Kvorum.Protocol;
using Kvorum.Server.Audit;
using Kvorum.Server.Listeners;
using Kvorum.Server.Native;
using Kvorum.Server.Tls;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Hosting;

/// <summary>
/// What <see cref="ServerOptions"/> must obey so that a node is not reached from other machines without TLS
/// unless the operator says so, and what the listeners ask of their connections.
/// </summary>
internal static class SecurityRules
{
    private static readonly string[] ClientAuth = ["none", "request", "require"];

    private static (string Flag, string Address)[] Listeners(ServerOptions o) =>
        [("--addr", o.ClientAddress), ("--http-addr", o.HttpAddress), ("--peer-addr", o.PeerAddress)];

    public static void Check(ServerOptions o, List<string> broken)
    {
        (string Flag, string Path)[] files =
            [("--tls-cert", o.TlsCertificate), ("--tls-key", o.TlsKey), ("--tls-ca", o.TlsAuthorities)];
        string[] missing = [.. files.Where(static file => file.Path.Length == 0).Select(
            static file => file.Flag)];
        if (missing.Length is > 0 and < 3)
        {
            broken.Add(
                $"{string.Join(" and ", missing)} is missing: --tls-cert, --tls-key and --tls-ca go "
                + "together; kvorum cert makes such files");
        }

        if (missing.Length == 3 && o.TlsRevoked.Length > 0)
            broken.Add($"--tls-crl '{o.TlsRevoked}' has no use without --tls-cert, --tls-key and --tls-ca");
        if (!ClientAuth.Contains(o.TlsClientAuth, StringComparer.Ordinal))
            broken.Add($"--tls-client-auth '{o.TlsClientAuth}': it is 'none', 'request' or 'require'");
        foreach (var (flag, address) in Listeners(o))
        {
            if (HostPort.TryParse(Endpoints.Spelled(address)) is not ({ Length: > 0 } host, _))
                continue;
            // Of a name, its address decides, when it is looked up.
            var ip = host == "*" ? IPAddress.IPv6Any : IPAddress.TryParse(host, out var number) ? number
                : null;
            if (ip is not null && WhyClosed(o, flag, address, ip) is { } why)
                broken.Add(why);
        }
    }

    public static IEnumerable<string> Unwise(ServerOptions o)
    {
        if (PlainOutside(o) is { } open)
            yield return open;
        if (o.HasTls && o.TlsClientAuth != "require")
        {
            yield return $"--tls-client-auth {o.TlsClientAuth}: clients without a certificate are served, "
                + "and whoever reaches this node may read and write everything";
        }
    }

    /// <summary>Why a listener may not be had at that address; null if it may.</summary>
    public static string? WhyClosed(ServerOptions o, string flag, string address, IPAddress ip) =>
        o.HasTls || o.Insecure || IPAddress.IsLoopback(ip) ? null
            : $"{flag} {address} is reached from other machines, and connections are plain: give --tls-cert, "
                + "--tls-key and --tls-ca (kvorum cert makes such files), or --insecure if only machines "
                + "that you trust reach it";

    /// <summary>The warning that plain connections are taken from outside; null if they are not.</summary>
    public static string? PlainOutside(ServerOptions o)
    {
        string[] open =
        [
            .. Listeners(o).Where(static one => !ServerOptionsRules.IsLocal(Endpoints.Spelled(one.Address)))
                .Select(static one => $"{one.Flag} {one.Address}"),
        ];
        return !o.Insecure || open.Length == 0 ? null
            : $"--insecure: {string.Join(", ", open)} take{(open.Length == 1 ? "s" : "")} plain connections, "
                + "and whoever reaches them may read and write everything";
    }

    /// <summary>What the keeper of the files is; null where there is no TLS.</summary>
    public static TlsKeeper? Keeper(ServerOptions o, ILogger log)
    {
        if (!o.HasTls)
            return null;
        try
        {
            return new(
                new(o.TlsCertificate, o.TlsKey, o.TlsAuthorities, o.TlsRevoked), TimeProvider.System, log);
        }
        catch (TlsFileException e)
        {
            throw new ServerStartException(e.Message);
        }
    }

    /// <summary>The audit log; null if there is none.</summary>
    public static AuditLog? Audit(ServerOptions o, string node, ILogger log)
    {
        if (o.AuditLog.Length == 0)
            return null;
        try
        {
            return new(o.AuditLog, node, TimeProvider.System, log);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ServerStartException(
                $"--audit-log {o.AuditLog} cannot be opened: {e.Message}; name a file in a folder that the "
                + "node's user may write to, one of its own for each node");
        }
    }

    /// <summary>The door of a listener, by the flag of its address; null where there is no TLS.</summary>
    public static TlsDoor? Door(
        ServerOptions o, string listener, TlsKeeper? keeper, SourceLines lines, ILogger log,
        Strangers strangers, AuditLog? audit)
    {
        var isForNodes = listener == "--peer-addr";
        return keeper is null ? null : new(
            keeper,
            new()
            {
                Listener = listener,
                Protocols = listener switch
                {
                    "--addr" =>
                    [
                        SslApplicationProtocol.Http2, ClientListener.Protocol, TlsDial.Peers, TlsDial.Claims,
                    ],
                    "--http-addr" => [SslApplicationProtocol.Http11],
                    _ when o.KvStoreKeyspace.Length > 0 =>
                        [TlsDial.Peers, TlsDial.Claims, SslApplicationProtocol.Http2],
                    _ => [TlsDial.Peers, TlsDial.Claims],
                },
                Clients = isForNodes ? ClientCertificates.Require : Clients(o),
                NodesOnly = isForNodes,
                TakesPlain = o.Insecure,
                // Of 64 at a time there.
                StrangersPerSourceMax = isForNodes ? 16 : 128,
            },
            lines, log, strangers, audit);
    }

    private static ClientCertificates Clients(ServerOptions o) => o.TlsClientAuth switch
    {
        "none" => ClientCertificates.None,
        "request" => ClientCertificates.Request,
        _ => ClientCertificates.Require,
    };
}
