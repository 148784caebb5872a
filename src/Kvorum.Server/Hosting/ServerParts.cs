using System.Net;
using System.Net.Sockets;
using Kvorum.Node;
using Kvorum.Protocol;
using Kvorum.Server.Access.Jwt;
using Kvorum.Server.Audit;
using Kvorum.Server.Tls;
using Kvorum.Storage.Encryption;
using Kvorum.Storage.Files;
using Kvorum.Storage.Keys;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Hosting;

/// <summary>
/// What a server is put together from before its node exists: its identity, its folder and its ports. The
/// ports are tried first of all, so that a busy one is found before the data folder is touched.
/// </summary>
internal sealed record ServerParts : IDisposable
{
    /// <summary>What the node says of itself.</summary>
    public required PeerHello Self { get; init; }

    /// <summary>The members that the operator names.</summary>
    public required IReadOnlyList<MemberSeed> Members { get; init; }

    /// <summary>The data folder.</summary>
    public required IFileSystem Files { get; init; }

    /// <summary>What the data folder is encrypted with.</summary>
    public required FolderKeys Keys { get; init; }

    /// <summary>Certificate, key and CAs; null where there is no TLS.</summary>
    public required TlsKeeper? Tls { get; init; }

    /// <summary>Who has done what; null where that is not kept.</summary>
    public required AuditLog? Audit { get; init; }

    /// <summary>Checks signed tokens; null where none are accepted.</summary>
    public required JwtVerifier? Tokens { get; init; }

    /// <summary>The socket that listens for nodes.</summary>
    public required Socket PeerListener { get; init; }

    /// <summary>The bound socket for clients.</summary>
    public required Socket Client { get; init; }

    /// <summary>The bound socket for HTTP.</summary>
    public required Socket Http { get; init; }

    /// <summary>
    /// Throws <see cref="ServerStartException"/>, or <see cref="OperationCanceledException"/> if it was
    /// cancelled while it waited for a port.
    /// </summary>
    public static async Task<ServerParts> Of(ServerOptions options, ILogger log, CancellationToken cancelled)
    {
        List<Socket> sockets = [];
        TlsKeeper? tls = null;
        try
        {
            tls = SecurityRules.Keeper(options, log);
            var keys = MasterKeySource.Load(
                options.MasterKeyFile, options.MasterKeyCommand, options.Encryption == "on");
            var ports = new PortTaker(options.PortWait, TimeProvider.System, log);
            foreach (var (flag, address) in new[]
            {
                ("--addr", options.ClientAddress), ("--http-addr", options.HttpAddress),
                ("--peer-addr", options.PeerAddress),
            })
            {
                var endpoint = Endpoints.ToListen(flag, address);
                if (SecurityRules.WhyClosed(options, flag, address, endpoint.Address) is { } why)
                    throw new ServerStartException(why);
                sockets.Add(await ports.Take(flag, endpoint, cancelled).ConfigureAwait(false));
            }

            var (client, http, listener) = (sockets[0], sockets[1], sockets[2]);
            // Peers that dial already wait in its queue until the node is there.
            Listen("--peer-addr", listener);
            if (HostPort.TryParse(options.PeerAddress)?.Port == 0)
                options = options with { PeerAddress = $"{listener.LocalEndPoint}" };
            var files = Open(options.DataFolder, log);
            var folder = FolderIdentity.Find(files);
            // A new node is called as its certificate calls it.
            if (tls is not null && folder is null && options.Id.Length == 0)
                options = options with { Id = tls.Now.NodeName };
            var list = MemberList.Parse(options, folder);
            string[] wrong =
            [
                .. list.Errors, .. folder is null ? options.ValidateNew() : [],
                .. WrongName(options, list, tls),
            ];
            if (wrong.Length > 0)
                throw new ServerStartException(string.Join(Environment.NewLine, wrong));
            var self = new PeerHello(
                list.Self, list.Name, list.PeerAddress,
                Endpoints.ToAdvertise(
                    options.AdvertiseClientAddress, (IPEndPoint)client.LocalEndPoint!, list.PeerAddress),
                Endpoints.ToAdvertise(
                    options.AdvertiseHttpAddress, (IPEndPoint)http.LocalEndPoint!, list.PeerAddress));
            return new()
            {
                Self = self,
                Members = list.Members,
                Files = files,
                Keys = keys,
                Tls = tls,
                Tokens = JwtRules.Verifier(options, log),
                Audit = SecurityRules.Audit(options, self.Name, log),
                PeerListener = listener,
                Client = client,
                Http = http,
            };
        }
        catch (Exception e)
        {
            sockets.ForEach(socket => socket.Dispose());
            tls?.Dispose();
            if (e is KeyException)
                throw new ServerStartException(e.Message);
            throw;
        }
    }

    /// <summary>Lets go of the ports, where nothing has done so.</summary>
    public void Dispose()
    {
        Client.Dispose();
        Http.Dispose();
        PeerListener.Dispose();
        Tls?.Dispose();
        Audit?.Dispose();
    }

    // Others would refuse it, one by one.
    private static string[] WrongName(ServerOptions options, MemberList list, TlsKeeper? tls)
    {
        var uuid = ClusterIdentity.ToGuid(list.Self.Value).ToString();
        return tls is null || tls.Now.NodeName == list.Name || tls.Now.NodeName == uuid ? []
            : [$"--tls-cert {options.TlsCertificate} is the certificate of node {tls.Now.NodeName}, and this "
                + $"is {list.Name}: make one with kvorum cert node {list.Name}"];
    }

    private static DiskFileSystem Open(string folder, ILogger log)
    {
        try
        {
            var opened = new DiskFileSystem(folder);
            if (FileRights.WhyNoDataFolder(folder) is { } why)
                throw new ServerStartException($"--data {folder}: {why}");
            if (FileRights.WhyUnwiseDataFolder(folder) is { } advice)
                Log.Unwise(log, $"--data {folder}: {advice}");
            return opened;
        }
        catch (IOException e)
        {
            throw new ServerStartException(
                $"--data {folder}: it is no folder that can be written to: {e.Message}");
        }
    }

    private static void Listen(string flag, Socket socket)
    {
        try
        {
            socket.Listen(128);
        }
        catch (SocketException e)
        {
            throw Endpoints.CannotListen(flag, socket.LocalEndPoint!, e.SocketErrorCode, e.Message);
        }
    }
}
