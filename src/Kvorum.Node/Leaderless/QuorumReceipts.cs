using Kvorum.Node.Membership;
using Kvorum.Protocol;
using Kvorum.Quorum;

namespace Kvorum.Node.Leaderless;

/// <summary>Receipts of quorum keyspaces, from what the folds have counted.</summary>
internal static class QuorumReceipts
{
    /// <summary>Of a write; one that is not acknowledged promises nothing.</summary>
    /// <param name="cluster">Has the names.</param>
    /// <param name="nodes">The replicas.</param>
    /// <param name="settings">With the numbers that were asked for.</param>
    /// <param name="fold">The write.</param>
    /// <param name="version">Its version.</param>
    public static Receipt OfWrite(
        ClusterView cluster, ReplicaNodes nodes, QuorumSettings settings, WriteFold fold,
        RecordVersion version)
    {
        var isDone = fold.Outcome == WriteOutcome.Succeeded;
        var promise = new QuorumPromise(settings);
        return new()
        {
            Mode = ReplicationMode.Quorum,
            Nodes = NamesOf(cluster, nodes, fold.Acknowledged),
            Needed = settings.WriteQuorum,
            Replicas = settings.Replicas,
            IsDurable = isDone,
            IsByHints = fold.IsByHints,
            Version = new(version.Time.Value, version.Writer.Value),
            StalenessMs = isDone && !fold.IsByHints && promise.ReadsSeeAcknowledgedWrites ? 0 : null,
            Promise = isDone ? promise.OfWrite() : [],
        };
    }

    /// <summary>Of a read, or of a scan.</summary>
    /// <param name="nodes">The names of those that answered.</param>
    /// <param name="settings">With the numbers that were asked for.</param>
    /// <param name="version">Of what was found; none if nothing was, or much.</param>
    public static Receipt OfRead(IReadOnlyList<string> nodes, QuorumSettings settings, RecordVersion version)
    {
        var promise = new QuorumPromise(settings);
        return new()
        {
            Mode = ReplicationMode.Quorum,
            Nodes = nodes,
            Needed = settings.ReadQuorum,
            Replicas = settings.Replicas,
            // Replicas tell only what is in their logs for good.
            IsDurable = true,
            Version = version.IsNone ? null : new(version.Time.Value, version.Writer.Value),
            StalenessMs = promise.ReadsSeeAcknowledgedWrites ? 0 : null,
            Promise = promise.OfRead(),
        };
    }

    /// <summary>The names of nodes.</summary>
    public static IReadOnlyList<string> NamesOf(ClusterView cluster, ReplicaNodes nodes, ReplicaMask among)
    {
        var names = new List<string>();
        foreach (var number in among)
            names.Add(cluster.Members.NameOf(nodes[number]));
        return names;
    }
}
