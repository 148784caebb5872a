using System.Globalization;
using Kvorum.Node;
using Kvorum.Node.Leaderless;
using Kvorum.Node.Placement;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Quorum.Hints;
using Kvorum.Quorum.Merkle;
using Kvorum.Raft;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.Workloads;
using Kvorum.Simulator.World;
using Kvorum.Verification;

namespace Kvorum.Simulator.Checkers;

// Theorems of quorum keyspaces. What clients saw is judged by RegularRegisterChecker, where R + W > N, and
// ConvergedRecordsChecker, both of Kvorum.Verification; here is what else holds:
//   convergence   once all faults are over, then within a bound no change of replicas is under way where all
//                 nodes are there, every replica is filled that can be, and all replicas of a partition that
//                 take part hold the same records, byte for byte, but for those that each may collect
//                 when it likes: below the highest horizon of them;
//   Merkle trees  each replica's tree is the one that its records make;
//   clocks        no record has a version that is further ahead of the true time than clocks may be wrong;
//   growth        the versions that a node gives grow, over its restarts too: of two writes that it took, one
//                 after the other was acknowledged, the later one has the greater version;
//   own order     a write that tells the highest version that its client has seen gets a greater one;
//   tried         a write that is repeated with the version that was tried gets just that one;
//   progress      every partition of which W and R replicas are there takes a write and a read.
//
// The promise covers the loss of W - 1 disks, and a replica that is made anew and not filled yet is a lost
// disk. So the faults leave W - 1 at most without their records, where W is more than one. Where W is one,
// acknowledged writes may be lost with any disk: from the first damage on nothing is said of what clients
// saw. So it is in sloppy keyspaces, where a lost disk may take hints with it that nothing brings back. Of
// their reads nothing is said but that what they show was written; at the end all hints for nodes that are
// there are handed over, and every acknowledged write is there.

/// <summary>The promises of quorum keyspaces. The theorems are at the top of its file.</summary>
internal sealed class QuorumChecker(Cluster cluster, Notebook notes)
{
    private const int ReaderClient = 3000;
    private const int ProbeClient = 4000;

    // The greatest offset that replicas accept, the lead of a ceiling, and what a drifting clock is wrong by
    // in the longest time of faults. A lone node has no clock but its own, which may jump by years.
    private readonly TimeSpan _clockBound = cluster.Options is { Nodes: 1, Spares: 0 }
        ? TimeSpan.FromDays(100 * 365) : TimeSpan.FromSeconds(30);

    private static readonly FaultKind[] Losses =
    [
        FaultKind.BitFlip, FaultKind.BadSector, FaultKind.ReadError, FaultKind.WipedDisk, FaultKind.OldFolder,
        FaultKind.ZeroedLogEnd, FaultKind.NodeLost,
    ];

    private readonly GroupId[] _groups =
        [.. cluster.Options.Quorums.SelectMany(keyspace => cluster.GroupsOf(keyspace.Name).All)];

    private readonly RandomStream _random = cluster.World.Random("final reads of quorum keyspaces");

    private SimulatedWorld World => cluster.World;

    /// <summary>After a turn of a node: whether it lacks records that it should have.</summary>
    public void Look(SimulatedProcess process) =>
        process.Machine.LacksRecords = _groups.Any(group => HolderOf(process, group)
            && process.QuorumOf(group) is not { IsDamaged: false, IsFilled: true });

    /// <summary>
    /// A change of replicas that a node knows of, while new ones are to be filled; else null.
    /// </summary>
    public static PlacedGroup? ChangeKnownTo(SimulatedProcess process) => process.Node.Placement.Groups
        .Select(group => process.Node.Placement.Placed(group)).FirstOrDefault(placed =>
            placed?.Switch is { Stage: ChangeStage.WriteBoth } && placed.Holders.Contains(process.Node.Id));

    /// <summary>Replicas of every partition hold the same, and what can be done for them is done.</summary>
    public bool HasConverged() => _groups.All(HasConverged) && !HintsThatCount().Any();

    // What is acknowledged in a sloppy keyspace may be nowhere else.
    private IEnumerable<(SimulatedProcess Keeper, RepairRange For)> HintsThatCount() =>
        from keyspace in cluster.Options.Quorums
        where keyspace.IsSloppy
        from process in cluster.TakingPart
        from loop in process.Node.Loops
        from range in loop.Quorums.Hints.Ranges
        let placed = PlacedOf(new(range.Group))
        where cluster.GroupsOf(keyspace.Name).All.Contains(new(range.Group)) && placed is not null
            && (IsComplete || HoldersOf(placed).Any(one => one.Node.Id.Value == range.Peer.Value))
        select (process, range);

    /// <summary>The state of all replicas, for people.</summary>
    public string Describe() => string.Join("", _groups.SelectMany(group => cluster.TakingPart
        .Where(process => process.QuorumOf(group) is not null || HolderOf(process, group))
        .Select(process => $"\n{process.Name}, group {group}: {Describe(process, group)}")
        .Prepend($"\ngroup {group} is placed: {Describe(PlacedOf(group))}"))
        .Concat(
            from process in cluster.TakingPart
            from range in process.Node.Loops.SelectMany(static loop => loop.Quorums.Hints.Ranges)
            select $"\n{process.Name} keeps hints of group {range.Group} for {range.Peer}"));

    /// <summary>A write to each partition that can take one.</summary>
    public IReadOnlyList<Asked> Probes(int round) =>
    [
        .. from keyspace in cluster.Options.Quorums
           from partition in Enumerable.Range(0, keyspace.Partitions)
           where IsServed(keyspace, partition)
           select Probe(keyspace, partition, round),
    ];

    /// <summary>A read of every key that can be read.</summary>
    public IReadOnlyList<Asked> FinalReads() =>
    [
        .. notes.Quorum.ByKey().Select(static key => KeyspaceKey.Read(key.Key))
            .Where(name => cluster.Options.Quorums.Any(keyspace => keyspace.Name == name.Keyspace
                && IsServed(keyspace, PartitionOf(keyspace, name.Key))))
            .Select((name, number) => KeyspaceWorkload.In(name.Keyspace, RegisterWorkload.Read(
                ReaderClient + number, name.Key, ReadConsistency.Linearizable, _random))),
    ];

    /// <summary>Compares the records, which have converged, with what was acknowledged.</summary>
    public void CheckRecords()
    {
        foreach (var replica in cluster.TakingPart.SelectMany(static process => process.Quorums))
            CheckMerkle(replica);
        foreach (var keyspace in cluster.Options.Quorums.Where(KeepsWrites))
        {
            var records = new List<FinalRead>();
            foreach (var group in cluster.GroupsOf(keyspace.Name).All)
            {
                if (Filled(group).FirstOrDefault() is { } replica)
                    records.AddRange(RecordsOf(keyspace.Name, replica));
            }

            Report(ConvergedRecordsChecker.Check(HistoryOf(keyspace), records, keyspace.KnowsRepeats));
        }
    }

    /// <summary>Checks all that clients saw.</summary>
    public void CheckAll()
    {
        foreach (var keyspace in cluster.Options.Quorums.Where(KeepsWrites))
        {
            if (keyspace.SeesAcknowledged)
                Report(RegularRegisterChecker.Check(HistoryOf(keyspace), _clockBound));
        }

        CheckGrowth();
        var written = notes.Quorum.Operations
            .Where(static one => one.Outcome.Kind != OutcomeKind.Failed && one.Invocation.Value is not null)
            .Select(static one => (one.Invocation.Key, one.Invocation.Value!)).ToHashSet();
        foreach (var sight in notes.StaleQuorumReads.Sights.Concat(ReadSights()))
            World.Require(
                written.Contains((sight.Key, sight.Value)), $"reads: {sight} was never written");
    }

    private IEnumerable<StaleReads.Sight> ReadSights() =>
        from read in notes.Quorum.Operations
        where read.Invocation.Kind == OperationKind.Get
            && read.Outcome is { Kind: OutcomeKind.Ok, Value: not null }
        select new StaleReads.Sight(read.Invocation.Key, read.Outcome.Value!, read.Outcome.Version ?? 0);

    private void CheckGrowth()
    {
        foreach (var node in notes.Given.GroupBy(static one => one.Machine))
        {
            var (heard, asked) = (node.OrderBy(static one => one.HeardUs).ToArray(),
                node.OrderBy(static one => one.AskedUs));
            var (next, most) = (0, default(GivenVersion));
            foreach (var later in asked)
            {
                for (; next < heard.Length && heard[next].HeardUs < later.AskedUs; next++)
                    most = heard[next].Version > most.Version ? heard[next] : most;
                World.Require(
                    later.Version > most.Version,
                    $"growth: node-{node.Key + 1} gave {most}, and then {later}");
            }
        }
    }

    private bool KeepsWrites(QuorumKeyspace keyspace) =>
        (keyspace.Write > 1 && !keyspace.IsSloppy) || Losses.All(kind => World.CountOf(kind) == 0);

    private History HistoryOf(QuorumKeyspace keyspace) => notes.Quorum.Of(
        key => KeyspaceKey.Read(key).Keyspace == keyspace.Name);

    private void Report(IReadOnlyList<Violation> violations)
    {
        if (violations.Count > 0)
            World.Fail(violations[0].ToString());
    }

    private bool IsComplete => cluster.InUse.All(
        static machine => machine.Process is not null && !machine.IsOutsider);

    // By the newest placement that any node knows.
    private PlacedGroup? PlacedOf(GroupId group) => cluster.TakingPart
        .Select(process => process.Node.Placement.Placed(group)).MaxBy(static placed => placed?.Epoch.Value);

    private static bool HolderOf(SimulatedProcess process, GroupId group) =>
        process.Node.Placement.Placed(group)?.Holders.Contains(process.Node.Id) ?? false;

    private SimulatedProcess[] HoldersOf(PlacedGroup placed) =>
        [.. cluster.TakingPart.Where(process => placed.Holders.Contains(process.Node.Id))];

    private IEnumerable<QuorumReplica> Filled(GroupId group) => PlacedOf(group) is { } placed
        ? HoldersOf(placed).Select(process => process.QuorumOf(group)).OfType<QuorumReplica>()
            .Where(static replica => replica.MayAnswer)
        : [];

    private bool HasConverged(GroupId group)
    {
        if (PlacedOf(group) is not { } placed)
            return false;
        if (IsComplete)
        {
            var all = HoldersOf(placed).Select(process => process.QuorumOf(group)).ToArray();
            if (placed.Switch is not null || all.Length != placed.Holders.Count
                || !all.All(static replica => replica is { MayAnswer: true }))
                return false;
        }

        var filled = Filled(group).ToArray();
        var horizonMs = filled.Select(static replica => replica.Marks.Horizon.UnixMs).DefaultIfEmpty().Max();
        return filled.Select(
            replica => TryContentOf(replica, horizonMs)).OfType<ulong>().Distinct().Count() <= 1;
    }

    // Null if the disk does not give it: it may be damaged, and the node has not noticed yet.
    private static ulong? TryContentOf(QuorumReplica replica, long horizonMs)
    {
        try
        {
            var hash = default(Fingerprint);
            using var view = replica.Tree.OpenView();
            foreach (var (key, record) in StoredMachine.Records(view, default, default))
            {
                // Each replica collects it at its time.
                if (StoredRecord.Read(record).EndsMs is > 0 and var endsMs && endsMs < (ulong)horizonMs)
                    continue;
                hash.Add(key.Span);
                hash.Add(record.Span);
            }

            return hash.Value;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private void CheckMerkle(QuorumReplica replica)
    {
        if (replica.Merkle.Tree is not { } kept || TryContentOf(replica, horizonMs: 0) is null)
            return;
        var made = new MerkleTree(kept.Depth);
        using var view = replica.Tree.OpenView();
        foreach (var (key, record) in StoredMachine.Records(view, default, default))
            made.Replace(KeyHash.Of(key.Span), RecordVersion.None, RecordVersion.Read(record.Span));
        World.Require(
            made.Root.IsSameAs(kept.Root),
            $"Merkle trees: {replica.Identity} keeps {kept.Root}, and its records make {made.Root}");
    }

    private IEnumerable<FinalRead> RecordsOf(string keyspace, QuorumReplica replica)
    {
        using var view = replica.Tree.OpenView();
        foreach (var (key, bytes) in StoredMachine.Records(view, default, default))
        {
            var record = StoredRecord.Read(bytes);
            var aheadMs = record.Version.Time.UnixMs - cluster.TrueTimeMs;
            World.Require(
                aheadMs <= _clockBound.TotalMilliseconds,
                $"clocks: {replica.Identity} holds a record from {aheadMs} ms ahead of the time");
            yield return new(
                KeyspaceKey.Of(keyspace, RegisterWorkload.Text(key.Span)),
                record.IsDeleted ? null : Padding.TextOf(record.Value.Span), record.Version.Time.Value);
        }
    }

    private string Describe(PlacedGroup? placed)
    {
        if (placed is null)
            return "nowhere";
        var change = placed.Switch is { } one ? $", {one.Stage} from {NamesOf(one.Present)}" : "";
        return $"epoch {placed.Epoch}, on {NamesOf(placed.Nodes)}{change}";
    }

    private string NamesOf(IEnumerable<NodeId> nodes) => string.Join(' ', nodes.Select(node =>
        cluster.Machines.FirstOrDefault(machine => machine.Id == node) is { } machine
            ? $"node-{machine.Index + 1}" : $"{node}"));

    private static string Describe(SimulatedProcess process, GroupId group)
    {
        if (process.QuorumOf(group) is not { } replica)
            return "not made";
        var stage = process.Node.Placement.Placed(group)?.Switch?.Stage.ToString() ?? "settled";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{replica.Status().Role}, {stage}, {replica.Machine.KeyCount} keys, "
                + $"hash {TryContentOf(replica, 0):x16}, horizon {replica.Marks.Horizon}, "
                + $"confirmed {replica.Confirmed}, repaired {replica.RepairedRecords}, "
                + $"compared {replica.ComparedMs}");
    }

    // Enough replicas are there; and no node that is away may be waited for.
    private bool IsServed(QuorumKeyspace keyspace, int partition)
    {
        var group = cluster.GroupsOf(keyspace.Name).Of(new((uint)partition));
        if (PlacedOf(group) is not { } placed)
            return false;
        var there = HoldersOf(placed).Where(process => process.QuorumOf(group) is { IsDamaged: false })
            .Select(static process => process.Node.Id).ToHashSet();
        var readers = Filled(group).Count();
        var needed = Math.Max(keyspace.Write, keyspace.Read);
        return placed.Nodes.Count(there.Contains) >= needed && readers >= keyspace.Read
            && (placed.Switch is null || placed.Switch.Present.Count(there.Contains) >= needed);
    }

    private static int PartitionOf(QuorumKeyspace keyspace, string key) =>
        (int)KeySlot.PartitionOf(KeySlot.Of(RegisterWorkload.Bytes(key)), keyspace.Partitions);

    private static Asked Probe(QuorumKeyspace keyspace, int partition, int round)
    {
        var number = 0;
        while (PartitionOf(keyspace, KeyOf(number)) != partition)
            number++;
        var value = string.Create(CultureInfo.InvariantCulture, $"round-{round}");
        var request = (ulong)round * Asked.NumbersOfOne;
        return new(
            new PutRequest
            {
                Keyspace = keyspace.Name,
                Key = RegisterWorkload.Bytes(KeyOf(number)),
                Value = RegisterWorkload.Bytes(value),
                ClientId = "probe",
                RequestId = request,
            },
            new(ProbeClient + partition, OperationKind.Put, KeyspaceKey.Of(keyspace.Name, KeyOf(number)))
            {
                Request = request,
                Value = value,
            });
    }

    private static string KeyOf(int probe) => string.Create(CultureInfo.InvariantCulture, $"probe-{probe}");
}
