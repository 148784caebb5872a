using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>The settings of a <see cref="KvorumClient"/>.</summary>
public sealed record KvorumClientOptions
{
    /// <summary>
    /// Some nodes of the cluster as host:port of their client door; one is enough, more survive its loss.
    /// </summary>
    public required IReadOnlyList<string> Addresses { get; init; }

    /// <summary>How long a call may take, retries included, unless its own options say otherwise.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The keyspace of calls whose options name none.</summary>
    public string Keyspace { get; init; } = KeyspaceName.Default;

    /// <summary>
    /// The id under which this client writes: writes are exactly once per client id and request id. Null
    /// for a random one, which is right unless the program keeps its own request numbers; empty for writes
    /// without a record, which are then never repeated once their outcome is unknown. Up to <see
    /// cref="Limits.ClientIdBytesMax"/> bytes.
    /// </summary>
    public string? ClientId { get; init; }

    /// <summary>What the program calls itself towards servers, for their logs.</summary>
    public string Name { get; init; } = "kvorum-client";

    /// <summary>TCP connections to each node; calls share them.</summary>
    public int ConnectionsPerNode { get; init; } = 1;

    /// <summary>How often the map of the cluster is renewed without cause.</summary>
    public TimeSpan MapInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long one attempt to connect may take; twice as long with TLS.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>TLS, by which the nodes are known; null for plain connections.</summary>
    public KvorumTls? Tls { get; init; }

    /// <summary>
    /// Who the program is, where rights are enforced and no certificate says it; null to show nothing.
    /// </summary>
    public KvorumCredential? Credential { get; init; }

    /// <summary>
    /// True to continue awaiting code on the socket's thread: cheaper by a hop to the thread pool, and only
    /// for code that never blocks, because nothing else is received meanwhile, and nothing that it asks is
    /// sent before it awaits.
    /// </summary>
    public bool InlineContinuations { get; init; }
}
