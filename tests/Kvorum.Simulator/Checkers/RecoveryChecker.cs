using Kvorum.Node;
using Kvorum.Node.Survival;
using Kvorum.Protocol;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.Workloads;
using Kvorum.Verification;

namespace Kvorum.Simulator.Checkers;

// Theorem (ADR 39). After a recovery, where clients asked nothing between the loss and it:
//   1. a partition of which the plan says that nothing acknowledged is missing has every acknowledged write;
//   2. any other partition of a strong keyspace has every acknowledged write up to the entry of which the
//      plan says that it is known to be committed; a later one counts as one whose outcome is not known;
//   3. no key shows what no client has written.

/// <summary>
/// A recovery loses no more than it says. The theorem is at the top of its file. Made at the moment of the
/// loss.
/// </summary>
internal sealed class RecoveryChecker(Cluster cluster, Notebook notes, RecoveryPlan plan)
{
    private readonly History _before = notes.History.Of(static _ => true);
    private readonly History _quorumBefore = notes.Quorum.Of(static _ => true);
    private readonly int _from = notes.History.Operations.Count;
    private readonly int _quorumFrom = notes.Quorum.Operations.Count;
    private readonly SortedDictionary<GroupId, RecoveredGroup> _groups =
        new(plan.Groups.ToDictionary(static one => new GroupId(one.Group)));

    /// <summary>Compares what was read since with what was acknowledged before.</summary>
    public void Check()
    {
        var reads = ReadsOf(notes.History, _from);
        // What was written since, as by probes, tells nothing of before.
        var since = KeysWritten(notes.History, _from);
        Report(DurabilityChecker.Check(Relaxed(since), reads));
        RequireWritten(reads, notes.History);
        if (cluster.Options.Quorums.Count == 0)
            return;
        reads = ReadsOf(notes.Quorum, _quorumFrom);
        since = KeysWritten(notes.Quorum, _quorumFrom);
        RequireWritten(reads, notes.Quorum);
        foreach (var keyspace in cluster.Options.Quorums)
        {
            var whole = _quorumBefore.Of(key => KeyspaceKey.Read(key).Keyspace == keyspace.Name
                && !GroupOf(key).MayLack && !since.Contains(key) && reads.Any(read => read.Key == key));
            Report(ConvergedRecordsChecker.Check(
                whole, reads.Where(static read => read.Value is not null), keyspace.KnowsRepeats));
        }
    }

    // Writes that the plan gives up may have happened, or not.
    private History Relaxed(HashSet<string> since)
    {
        var relaxed = new History();
        foreach (var one in _before.Operations.Where(one => !since.Contains(one.Invocation.Key)))
        {
            var copy = relaxed.Invoke(one.Invocation, one.InvokedAt);
            if (one.CompletedEvent is not null)
                relaxed.Complete(copy, MayBeLost(one) ? Outcome.Unknown : one.Outcome, one.CompletedAt);
        }

        return relaxed;
    }

    private bool MayBeLost(Operation one) => one.Invocation.Kind != OperationKind.Get
        && one.Outcome is { Kind: OutcomeKind.Ok, Version: { } version }
        && GroupOf(one.Invocation.Key) is { MayLack: true } group && version > group.Commit;

    private RecoveredGroup GroupOf(string key)
    {
        var (keyspace, name) = KeyspaceKey.Read(key);
        var bytes = RegisterWorkload.Bytes(name);
        if (!QuorumKeyspace.Is(keyspace))
            return _groups[cluster.GroupOf(bytes, keyspace)];
        var groups = cluster.GroupsOf(keyspace);
        return _groups[groups.Of(new(KeySlot.PartitionOf(KeySlot.Of(bytes), groups.Count)))];
    }

    private static HashSet<string> KeysWritten(History history, int from) =>
    [
        .. history.Operations.Skip(from).Where(static one => one.Invocation.Kind != OperationKind.Get)
            .Select(static one => one.Invocation.Key),
    ];

    private static FinalRead[] ReadsOf(History history, int from) =>
    [
        .. history.Operations.Skip(from)
            .Where(static one => one.Invocation.Kind == OperationKind.Get
                && one.Outcome.Kind == OutcomeKind.Ok)
            .Select(static one => new FinalRead(
                one.Invocation.Key, one.Outcome.Value, one.Outcome.Version)),
    ];

    private void RequireWritten(IEnumerable<FinalRead> reads, History history)
    {
        var written = history.Operations.Select(static one => (one.Invocation.Key, one.Invocation.Value))
            .ToHashSet();
        foreach (var read in reads)
            cluster.World.Require(
                read.Value is null || written.Contains((read.Key, read.Value)),
                $"after a recovery {read.Key} shows {read.Value}, which was never written");
    }

    private void Report(IReadOnlyList<Violation> violations)
    {
        if (violations.Count > 0)
            cluster.World.Fail($"a recovery has lost more than its plan says: {violations[0]}");
    }
}
