using System.Net;
using Kvorum.Server.Audit;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvorum.Server.Http;

/// <summary>The settings of the HTTP front end.</summary>
public sealed record HttpOptions
{
    /// <summary>Where to listen; port 0 for a free one.</summary>
    public IPEndPoint EndPoint { get; init; } = new(IPAddress.Loopback, 8080);

    /// <summary>
    /// Names under which the node may be asked, beside localhost and addresses: a page of another site whose
    /// name leads here is refused by its Host header.
    /// </summary>
    public IReadOnlyList<string> HostNames { get; init; } = [];

    /// <summary>
    /// Where connections to <see cref="EndPoint"/> come from; null for the web server's own.
    /// </summary>
    internal IConnectionListenerFactory? Transport { get; init; }

    /// <summary>Time for a request that names none.</summary>
    public TimeSpan TimeoutDefault { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Greatest time that a request may name.</summary>
    public TimeSpan TimeoutMax { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long the node may take to tell its state; after that it counts as not alive.</summary>
    public TimeSpan StatusTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the head of a request may take to come; then its connection is closed.</summary>
    public TimeSpan HeadTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Connections at once; one more is closed.</summary>
    public int ConnectionsMax { get; init; } = 4096;

    /// <summary>Greatest key of the keyspaces, in bytes.</summary>
    public int KeyBytesMax { get; init; } = Protocol.Limits.KeyBytesMax;

    /// <summary>Greatest value of the keyspaces, in bytes.</summary>
    public int ValueBytesMax { get; init; } = Protocol.Limits.ValueBytesMax;

    /// <summary>Greatest JSON body: JSON may write one byte as the six characters of an escape.</summary>
    public int JsonBytesMax => checked((6 * (KeyBytesMax + ValueBytesMax)) + (16 << 10));

    /// <summary>What all clients' requests and replies may hold.</summary>
    public TrafficRoom Traffic { get; init; } = new(192 << 20);

    /// <summary>Gets what operators change; null for none.</summary>
    internal AuditLog? Audit { get; init; }

    /// <summary>Where faults are logged.</summary>
    public ILoggerFactory Logging { get; init; } = NullLoggerFactory.Instance;
}
