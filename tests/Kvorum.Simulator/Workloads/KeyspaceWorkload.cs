namespace Kvorum.Simulator.Workloads;

/// <summary>Another workload, in a keyspace of its own.</summary>
internal sealed class KeyspaceWorkload(string keyspace, IWorkload inner) : IWorkload
{
    // Of the request under way, as the other workload knows it.
    private Asked? _asked;

    /// <inheritdoc/>
    public Asked Next(int client, ulong request, World.RandomStream random) =>
        In(keyspace, _asked = inner.Next(client, request, random));

    /// <inheritdoc/>
    public void Ended(Asked asked, Protocol.Reply? reply) =>
        // A token belongs to the scan that was asked.
        inner.Ended(asked.Request is Protocol.ScanRequest ? asked : _asked!, reply);

    /// <summary>The same, asked of another keyspace.</summary>
    public static Asked In(string keyspace, Asked asked) => new(
        asked.Request with { Keyspace = keyspace },
        asked.Invocation with { Key = KeyspaceKey.Of(keyspace, asked.Invocation.Key) })
    {
        Recorded =
        [
            .. asked.Recorded.Select(read => read with { Key = KeyspaceKey.Of(keyspace, read.Key) }),
        ],
        Scan = asked.Scan,
    };
}
