using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>
/// Which node to ask: what the newest map of the cluster says of leaders, corrected by what nodes have
/// said since. Read without a lock; changed under the client's.
/// </summary>
internal sealed class Routes
{
    private readonly Dictionary<string, Table> _keyspaces;

    private Routes(ClusterMap? map, IReadOnlyList<NodeLink> links, Dictionary<string, Table> keyspaces) =>
        (Map, Links, _keyspaces) = (map, links, keyspaces);

    /// <summary>The map; null before the first one came.</summary>
    public ClusterMap? Map { get; }

    /// <summary>All nodes known: any of them takes any request and passes it on.</summary>
    public IReadOnlyList<NodeLink> Links { get; }

    /// <summary>Before any map: only the addresses that were given.</summary>
    public static Routes Unknown(IReadOnlyList<NodeLink> seeds) => new(null, seeds, []);

    /// <summary>By a map. A leader of an older term than is known already is not believed.</summary>
    public static Routes Of(
        ClusterMap map, Func<string, NodeLink?> linkOf, IReadOnlyList<NodeLink> seeds, Routes before)
    {
        NodeLink?[] members = [.. map.Members.Select(member => linkOf(member.ClientAddress))];
        NodeLink[] links = [.. members.OfType<NodeLink>().Distinct()];
        var keyspaces = new Dictionary<string, Table>(StringComparer.Ordinal);
        foreach (var keyspace in map.Keyspaces)
        {
            if (keyspace.Partitions.Count == 0)
                continue;
            before._keyspaces.TryGetValue(keyspace.Name, out var old);
            keyspaces.TryAdd(keyspace.Name, Table.Of(keyspace, members, old));
        }

        return new(map, links.Length > 0 ? links : seeds, keyspaces);
    }

    /// <summary>The partition of a key; 0 while the keyspace is unknown.</summary>
    public uint PartitionOf(string keyspace, ReadOnlySpan<byte> key) =>
        _keyspaces.TryGetValue(keyspace, out var table)
        ? KeySlot.PartitionOf(KeySlot.Of(key), table.Leaders.Length)
        : 0;

    /// <summary>The leader of a partition, if it is known.</summary>
    public NodeLink? LeaderOf(string keyspace, uint partition) =>
        _keyspaces.TryGetValue(keyspace, out var table)
        ? Volatile.Read(ref table.Leaders[partition])
        : null;

    /// <summary>A node has named a partition's leader.</summary>
    public void Learn(string keyspace, uint partition, NodeLink leader)
    {
        if (_keyspaces.TryGetValue(keyspace, out var table) && partition < table.Leaders.Length)
            Volatile.Write(ref table.Leaders[partition], leader);
    }

    /// <summary>A keyspace's leaders, by partition.</summary>
    private sealed class Table(NodeLink?[] leaders, ulong[] terms)
    {
        public NodeLink?[] Leaders { get; } = leaders;

        public static Table Of(KeyspaceInfo keyspace, NodeLink?[] members, Table? old)
        {
            var count = keyspace.Partitions.Count;
            var (leaders, terms) = (new NodeLink?[count], new ulong[count]);
            foreach (var partition in keyspace.Partitions)
            {
                if (partition.Partition >= count)
                    continue;
                var at = partition.Partition;
                (leaders[at], terms[at]) = (
                    partition.Leader < 0 ? null : members[partition.Leader], partition.Term);
                if (old is not null && old.Leaders.Length == count && old.Term(at) > terms[at]
                    && members.Contains(old.Leaders[at]))
                    (leaders[at], terms[at]) = (old.Leaders[at], old.Term(at));
            }

            return new(leaders, terms);
        }

        private ulong Term(uint partition) => terms[partition];
    }
}
