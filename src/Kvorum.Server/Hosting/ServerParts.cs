using System.Net;
using System.Net.Sockets;
using Kvorum.Node;
using Kvorum.Server.Peers;
using Kvorum.Storage.Files;

namespace Kvorum.Server.Hosting;

/// <summary>
/// What a server is put together from before its node exists: who it is, its folder and its ports. The ports
/// are tried first of all, so that a busy one is found before the data folder is touched.
/// </summary>
internal sealed record ServerParts
{
    /// <summary>What the node says of itself.</summary>
    public required PeerHello Self { get; init; }

    /// <summary>All members.</summary>
    public required IReadOnlyList<MemberSeed> Members { get; init; }

    /// <summary>The data folder.</summary>
    public required IFileSystem Files { get; init; }

    /// <summary>The bound port for nodes.</summary>
    public required Socket PeerListener { get; init; }

    /// <summary>Where clients are to be served.</summary>
    public required IPEndPoint Client { get; init; }

    /// <summary>Where HTTP is to be served.</summary>
    public required IPEndPoint Http { get; init; }

    /// <summary>Throws <see cref="ServerStartException"/>.</summary>
    public static ServerParts Of(ServerOptions options)
    {
        var client = Try("--addr", options.ClientAddress);
        var http = Try("--http-addr", options.HttpAddress);
        var listener = Bind("--peer-addr", Endpoints.ToListen("--peer-addr", options.PeerAddress));
        try
        {
            if (HostPort.TryParse(options.PeerAddress)?.Port == 0)
                options = options with { PeerAddress = $"{listener.LocalEndPoint}" };
            string name = NodeName.For(options);
            var list = MemberList.Parse(options, name);
            if (list.Errors.Count > 0)
                throw new ServerStartException(string.Join(Environment.NewLine, list.Errors));
            var cluster = ClusterIdentity.ClusterOf(
                list.Members.Select(member => member.Id), options.Partitions, options.ReplicationFactor,
                options.VirtualNodes);
            var self = new PeerHello(
                list.Self, name, cluster, list.PeerAddress,
                Endpoints.ToAdvertise(options.AdvertiseClientAddress, client, list.PeerAddress),
                Endpoints.ToAdvertise(options.AdvertiseHttpAddress, http, list.PeerAddress));
            var files = Open(options.DataFolder);
            return new()
            {
                Self = self,
                Members = list.Members,
                Files = files,
                PeerListener = listener,
                Client = client,
                Http = http,
            };
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    private static DiskFileSystem Open(string folder)
    {
        try
        {
            return new(folder);
        }
        catch (IOException e)
        {
            throw new ServerStartException(
                $"--data {folder}: it is no folder that can be written to: {e.Message}");
        }
    }

    /// <summary>
    /// Takes the port and lets go of it again: the front end that is to have it binds it itself, once the
    /// node is there.
    /// </summary>
    private static IPEndPoint Try(string flag, string address)
    {
        using var socket = Bind(flag, Endpoints.ToListen(flag, address));
        return (IPEndPoint)socket.LocalEndPoint!;
    }

    private static Socket Bind(string flag, IPEndPoint endpoint)
    {
        try
        {
            return TcpTransport.Listen(endpoint);
        }
        catch (SocketException e)
        {
            throw Endpoints.CannotListen(flag, endpoint, e.SocketErrorCode, e.Message);
        }
    }
}
