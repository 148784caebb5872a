using Kvorum.Node.Replicas;
using Kvorum.Simulator.World;

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
    public void Compare(Replica replica, string node)
    {
        var index = replica.Tree.AppliedIndex;
        var content = ContentOf(replica);
        if (facts[(int)replica.Group].Contents.TryAdd(index, (content, node)))
            return;
        Compared++;
        var other = facts[(int)replica.Group].Contents[index];
        if (other.Content != content)
        {
            world.Fail(
                $"replica equality: {node} and {other.Node} differ in group {replica.Group} at {index}");
        }
    }

    /// <summary>
    /// True if a content at this index is worth its price: every so many, and those known already.
    /// </summary>
    public bool IsDue(Replica replica)
    {
        var index = replica.Tree.AppliedIndex;
        return index % 32 == 0 || facts[(int)replica.Group].Contents.ContainsKey(index);
    }

    private static ulong ContentOf(Replica replica)
    {
        var hash = default(Fingerprint);
        using var view = replica.Tree.OpenView();
        foreach (var (key, value) in view.Scan(default, default))
        {
            hash.Add(key.Span);
            hash.Add(value.Span);
        }

        return hash.Value;
    }
}
