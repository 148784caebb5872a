using Kvorum.Server.Audit;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvorum.Server.Grpc;

/// <summary>The settings of the gRPC front end.</summary>
public sealed record GrpcOptions
{
    /// <summary>
    /// Greatest message that is taken, in bytes, before and after inflating: the largest key and value with
    /// room for the rest.
    /// </summary>
    public int MessageBytesMax { get; init; } =
        Protocol.Limits.ValueBytesMax + Protocol.Limits.KeyBytesMax + (64 << 10);

    /// <summary>Time for a call whose client names none.</summary>
    public TimeSpan TimeoutDefault { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Requests of one pipeline that may be under way; then its reading waits for replies.</summary>
    public int PipelineInflightMax { get; init; } = 1024;

    /// <summary>
    /// Bytes of keys and values of one pipeline that may be under way; one request may go beyond.
    /// </summary>
    public int PipelineInflightBytesMax { get; init; } = 16 << 20;

    /// <summary>What all clients' requests and replies may hold.</summary>
    public TrafficRoom Traffic { get; init; } = new(192 << 20);

    /// <summary>Connections at once; one more is closed.</summary>
    public int ConnectionsMax { get; init; } = 4096;

    /// <summary>How long a new connection may take to say that it speaks HTTP/2.</summary>
    public TimeSpan OpeningTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Silence of a connection after which its client is asked whether it is there.</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long it may take to answer; then the connection is closed.</summary>
    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How often a health watch looks for a change.</summary>
    public TimeSpan HealthWatchInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Greatest deadline that is kept; a client's longer one counts as this. Timers overflow beyond 49 days.
    /// </summary>
    public TimeSpan TimeoutMax { get; init; } = TimeSpan.FromDays(7);

    /// <summary>The keyspace of the services of the ring design.</summary>
    public string KvStoreKeyspace { get; init; } = Protocol.KeyspaceName.Default;

    /// <summary>This node's name.</summary>
    public string NodeName { get; init; } = "";

    /// <summary>Gets what operators change; null for none.</summary>
    internal AuditLog? Audit { get; init; }

    /// <summary>Where faults are logged.</summary>
    public ILoggerFactory Logging { get; init; } = NullLoggerFactory.Instance;
}
