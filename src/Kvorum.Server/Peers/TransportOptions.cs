using Kvorum.Server.Listeners;
using Kvorum.Server.Sockets;
using Kvorum.Server.Tls;

namespace Kvorum.Server.Peers;

/// <summary>Times and bounds of <see cref="TcpTransport"/>. The defaults suit one data centre.</summary>
public sealed record TransportOptions
{
    /// <summary>
    /// Bound of one frame's payload in bytes: a batch of Raft messages or a piece of a checkpoint.
    /// </summary>
    public const int FrameBytesMax = 32 << 20;

    /// <summary>
    /// Bytes that may wait for one peer; beyond it frames are dropped (Raft sends again, callers are told).
    /// </summary>
    public int QueueBytesMax { get; init; } = 64 << 20;

    /// <summary>A ping goes out when nothing else did for so long.</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// A peer from which nothing came for so long is lost. At least three times <see cref="PingInterval"/>.
    /// </summary>
    public TimeSpan SilenceMax { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Bound of dialling and introduction together.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long a question to join may take, from dialling to the answer, which a majority of the cluster has
    /// agreed on.
    /// </summary>
    public TimeSpan JoinTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The poller that serves the connections that peers have dialled; null for the runtime's sockets.
    /// </summary>
    internal SocketPoller? Poller { get; init; }

    /// <summary>What callers may cause in the log; null for a count of its own.</summary>
    internal SourceLines? Lines { get; init; }

    /// <summary>Told when there are no descriptors left to take connections with; may be null.</summary>
    internal ConnectionRoom? Room { get; init; }

    /// <summary>
    /// Takes connections that speak HTTP/2; null to refuse them as any noise.
    /// </summary>
    internal HandedOverConnections? Others { get; init; }

    /// <summary>TLS of connections that nodes have dialled; null where there is none.</summary>
    internal TlsDoor? Door { get; init; }

    /// <summary>TLS of connections that this node dials; null where there is none.</summary>
    internal TlsDial? Dial { get; init; }

    /// <summary>Gives new nodes their certificates; null where there is no TLS.</summary>
    internal ClaimDesk? Claims { get; init; }

    /// <summary>First pause between two attempts; doubled each time.</summary>
    public TimeSpan BackoffMin { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Longest pause between two attempts; also the pause after a refusal.</summary>
    public TimeSpan BackoffMax { get; init; } = TimeSpan.FromSeconds(2);
}
