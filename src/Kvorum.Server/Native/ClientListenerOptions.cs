using System.Net;
using System.Net.Sockets;
using Kvorum.Protocol;
using Kvorum.Server.Audit;
using Kvorum.Server.Listeners;
using Kvorum.Server.Sockets;
using Kvorum.Server.Tls;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvorum.Server.Native;

/// <summary>The settings of a <see cref="ClientListener"/>.</summary>
public sealed record ClientListenerOptions
{
    /// <summary>Where to listen; port 0 for any free one.</summary>
    public required IPEndPoint EndPoint { get; init; }

    /// <summary>The node's name, told to native clients.</summary>
    public required string NodeName { get; init; }

    /// <summary>
    /// The cluster, told to native clients; empty while the node does not know it. Any thread.
    /// </summary>
    public required Func<Guid> ClusterId { get; init; }

    /// <summary>Native connections at once; one more is refused with a message.</summary>
    public int ConnectionsMax { get; init; } = 4096;

    /// <summary>
    /// Requests of one connection under way; at the bound its socket is not read: back-pressure.
    /// </summary>
    public int InFlightMax { get; init; } = 4096;

    /// <summary>
    /// Bytes of requests of one connection under way; at the bound its socket is not read: back-pressure.
    /// </summary>
    public long InFlightBytesMax { get; init; } = 64 << 20;

    /// <summary>
    /// Bytes of replies that wait to be sent at which the socket is not read: back-pressure.
    /// </summary>
    public int OutputBytesSoft { get; init; } = 8 << 20;

    /// <summary>
    /// Bytes of replies that wait to be sent at which a client is cut off: it asks and does not read. At
    /// least <see cref="Limits.FrameBytesMax"/>.
    /// </summary>
    public int OutputBytesMax { get; init; } = 256 << 20;

    /// <summary>What all clients' requests and replies may hold.</summary>
    public TrafficRoom Traffic { get; init; } = new(192 << 20);

    /// <summary>
    /// How long a new connection may take to say what it speaks, and a native one to say hello.
    /// </summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The poller that serves the native connections; null for the runtime's sockets.</summary>
    internal SocketPoller? Poller { get; init; }

    /// <summary>
    /// Takes over the connections of nodes that come to this port; null: they are refused as native clients
    /// that say nonsense.
    /// </summary>
    internal Action<Socket, TlsStream?>? Nodes { get; init; }

    /// <summary>TLS; null where there is none.</summary>
    internal TlsDoor? Tls { get; init; }

    /// <summary>Gets what operators change; null for none.</summary>
    internal AuditLog? Audit { get; init; }

    /// <summary>A socket bound to <see cref="EndPoint"/>; null to bind one.</summary>
    internal Socket? Bound { get; init; }

    /// <summary>What clients may cause in the log; null for a count of its own.</summary>
    internal SourceLines? Lines { get; init; }

    /// <summary>Which connections there is room for; null for all.</summary>
    internal ConnectionRoom? Room { get; init; }

    /// <summary>Where to log.</summary>
    public ILoggerFactory Logging { get; init; } = NullLoggerFactory.Instance;
}
