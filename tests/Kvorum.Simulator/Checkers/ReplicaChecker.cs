using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Simulator.World;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Simulator.Checkers;

// Theorem. Two replicas of a group that have applied the log up to the same index hold the same keys, values
// and exactly-once records, byte for byte; be it by applying, from a checkpoint on their own disk, or from
// one of another replica.

/// <summary>Replicas are equal at equal applied index. The theorem is at the top of its file.</summary>
internal sealed class ReplicaChecker(SimulatedWorld world, IReadOnlyList<GroupFacts> facts)
{
    /// <summary>Contents compared so far.</summary>
    public long Compared { get; private set; }

    /// <summary>Compares a replica's content with what others held at its applied index.</summary>
    public void Compare(RaftReplica replica, string node)
    {
        if (replica.IsFenced || TryContentOf(replica) is not { } content)
            return;
        var index = replica.Tree.AppliedIndex;
        if (facts[(int)replica.Group.Value].Contents.TryAdd(index, (content, node)))
            return;
        Compared++;
        var other = facts[(int)replica.Group.Value].Contents[index];
        if (other.Content != content)
        {
            world.Fail(
                $"replica equality: {node} and {other.Node} differ in group {replica.Group} at {index}");
        }
    }

    /// <summary>
    /// True if a content at this index is worth its price: every so many, and those known already.
    /// </summary>
    public bool IsDue(RaftReplica replica)
    {
        var index = replica.Tree.AppliedIndex;
        return index % 32 == 0 || facts[(int)replica.Group.Value].Contents.ContainsKey(index);
    }

    /// <summary>
    /// True if these replicas of one group hold the same at the same index, as far as they can be read.
    /// </summary>
    public static bool AreEqual(IEnumerable<RaftReplica> replicas) => replicas
        .GroupBy(static replica => replica.Tree.AppliedIndex)
        .All(static same => same.Select(TryContentOf).OfType<ulong>().Distinct().Count() <= 1);

    // Null if the disk does not give it: it may be damaged, and the node has not noticed yet.
    private static ulong? TryContentOf(RaftReplica replica)
    {
        try
        {
            return ContentOf(replica);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static ulong ContentOf(RaftReplica replica)
    {
        var hash = default(Fingerprint);
        // What a checkpoint would add stands for what the one before has added.
        var rest = new WriteBatch();
        (replica.Machine as KeyValueMachine)?.PutRest(rest);
        using var view = replica.Tree.OpenView();
        foreach (var (key, value) in view.Scan(default, default))
        {
            if (Has(rest, key.Span))
                continue;
            hash.Add(key.Span);
            hash.Add(value.Span);
        }

        for (var i = 0; i < rest.Count; i++)
        {
            hash.Add(rest.KeyAt(i));
            hash.Add(rest.ValueAt(i));
        }

        return hash.Value;
    }

    private static bool Has(WriteBatch batch, ReadOnlySpan<byte> key)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            if (batch.KeyAt(i).SequenceEqual(key))
                return true;
        }

        return false;
    }
}
