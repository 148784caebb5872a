using System.Globalization;
using Kvorum.Node;
using Kvorum.Node.Groups;
using Kvorum.Node.Placement;
using Kvorum.Node.Placement.Planning;
using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft.Membership;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.Workloads;
using Kvorum.Verification;

namespace Kvorum.Simulator.Checkers;

// Theorem. Once all faults are over, then within a bound every node runs whose disk is whole, every group has
// a leader, every partition takes a write, and every replica has applied all that is committed. Nodes that
// were started to join have joined; those that are members no more do not run, and those that were to leave,
// or are lost for good, are members no more. No group is in a joint state,
// and of the nodes that take part those that are in its configuration hold a replica of it, and no others.
// Keys whose end has come by the log clock of their leader are gone, and a key of two seconds that is put
// then is gone after two seconds, within the bound of LifeChecker. Where tables are scrubbed at some speed,
// no node uses a damaged one any more. A node whose disk was wiped runs too, knows that it is refused, and
// stays out; the others do without it. After a node has lost what it acknowledged, a group may stand still;
// but replicas that serve do not contradict each other. Where all members run a program that speaks the
// newest format version, all know that the cluster has it.

/// <summary>Progress after faults. The theorem is at the top of its file.</summary>
internal sealed class ProgressChecker(Cluster cluster, ReplicaChecker contents)
{
    /// <summary>Time to live of <see cref="MortalProbes"/>, in milliseconds.</summary>
    public const int MortalTtlMs = 2000;

    private const int ProbeClient = 1000;

    // Bytes in a second; a slower scrubber needs longer for its round than a run lasts.
    private const long ScrubRateLeast = 64 << 10;

    /// <summary>
    /// The bound, in microseconds: a silent connection is noticed, dialled anew, some elections fail, and a
    /// stalled snapshot is given up and sent again.
    /// </summary>
    public long BoundUs => 30_000_000 + (10_000L * cluster.Options.ElectionMaxMs);

    /// <summary>
    /// The bound for replicas: those that were on their way to a node that comes with an old folder go
    /// elsewhere once it was refused for as long as an absence may last.
    /// </summary>
    public long ConvergenceBoundUs =>
        cluster.InUse.Any(static machine => machine.IsOutsider) ? MoveBoundUs : BoundUs + FillingUs;

    /// <summary>
    /// The bound for tables: two rounds of the scrubber over all of them, and a snapshot from another node.
    /// </summary>
    public long ScrubBoundUs => (2 * BoundUs)
        + (IsScrubbed ? 3_000_000 * MostBytes / cluster.Options.ScrubRate : 0);

    // New replicas may have begun to be filled, at the rate of their leader's node, or be yet to be made: of
    // each group twice, where one node was there before and three hold it then.
    private long FillingUs => cluster.Options.SnapshotRate == 0 ? 0
        : 2_000_000 * cluster.Machines.Sum(static machine => machine.Disk.BytesInUse)
            / cluster.Options.SnapshotRate;

    private long MostBytes => cluster.Machines.Max(static machine => machine.Disk.BytesInUse);

    private bool IsScrubbed => cluster.Options.ScrubRate >= ScrubRateLeast;

    /// <summary>
    /// True if no node that takes part uses a damaged table; where none is looked for in time, one that it
    /// could not read. One that is left over from before a rebuild does no harm.
    /// </summary>
    public bool HasNoDamage() => !cluster.TakingPart.Any(process =>
    {
        var disk = process.Machine.Disk;
        IReadOnlyCollection<string> damaged = IsScrubbed ? disk.Damaged() : disk.NotRead;
        return damaged.Count > 0 && process.Replicas.SelectMany(TablesOf).Any(damaged.Contains);
    });

    /// <summary>True if all nodes run that can, and every group has a leader.</summary>
    public bool HasLeaders() => cluster.Machines.All(IsWhereItBelongs) && cluster.IsWhole
        && cluster.Directory.Groups.All(group => Replicas(group).Any(replica => replica.IsLeader));

    /// <summary>
    /// True if a node has refused to start or any node tells of the loss: what is not the
    /// cluster's fault may be lost, and is never passed over in silence.
    /// </summary>
    public bool IsLossTold() => cluster.Machines.Any(static machine => machine.IsLost)
        || cluster.Running.Any(static process => process.Node.TellsOfLoss);

    /// <summary>
    /// The bound for members that leave or are lost: all that they had is made anew elsewhere, some groups at
    /// a time. A move that was given up among faults is not tried again for a while, even if only one node
    /// can take the replica.
    /// </summary>
    public long MoveBoundUs => (4 * BoundUs) + FillingUs + (1000 * new PlannerSettings().GivenUpPauseMs);

    /// <summary>True if the nodes that are to leave, or are lost for good, are no members any more.</summary>
    public bool HaveLeft() => cluster.Machines.All(static machine =>
        machine.IsGone || machine.Wanted is MemberStatus.Active or MemberStatus.Draining);

    /// <summary>
    /// True if the replicas of every group that serve have the same history: equal at equal index, and none
    /// stays behind its leader.
    /// </summary>
    public bool HaveOneHistory() => cluster.Directory.Groups.All(group =>
    {
        var serving = Replicas(group)
            .Where(static one => !one.IsQuarantined && !one.IsBlank && !one.IsFenced).ToArray();
        var leader = serving.Where(static one => one.IsLeader).MaxBy(static one => one.Raft.Term);
        // One that was removed stays behind until it is deleted.
        if (leader is not null)
            serving = [.. serving.Where(one => leader.Raft.Configuration.HasMember(one.Raft.Id))];
        var isCaughtUp = leader is null
            || serving.All(one => one.Tree.AppliedIndex == leader.Tree.AppliedIndex);
        return isCaughtUp && ReplicaChecker.AreEqual(serving);
    });

    /// <summary>True if all nodes know the newest format version that all speak.</summary>
    public bool HaveRaisedFormat() => cluster.InUse.Any(static machine =>
            machine.Process is null || machine.IsOutsider || machine.Formats != FormatRange.Own)
        || cluster.Machines.Any(static machine => !machine.IsGone && machine.Wanted == MemberStatus.Lost)
        || cluster.Running.All(static process => process.Node.ActiveFormat == FormatRange.Own.Newest);

    /// <summary>True if the replicas of every group are at one index, and know it for committed.</summary>
    public bool HasConverged() => cluster.Directory.Groups.All(group =>
    {
        var replicas = Replicas(group).ToArray();
        // All that are placed there are made.
        var holders = cluster.TakingPart.Count(
            process => process.Node.Placement.Of(group)?.Contains(process.Node.Id) ?? false);
        if (replicas.Length == 0 || replicas.Length != holders)
            return false;
        var members = replicas[0].Raft.Configuration;
        var wanted = cluster.TakingPart.Where(process => members.HasMember(process.Node.Id));
        if (members.IsJoint || wanted.Count() != holders
            || !replicas.All(one => members.HasMember(one.Raft.Id)))
        {
            return false;
        }

        var last = replicas.Max(replica => replica.Raft.LastIndex.Value);
        return replicas.All(one => one.Tree.AppliedIndex == last && one.Raft.LastIndex.Value == last);
    });

    /// <summary>True if no leader keeps a key whose end its log clock has passed by a second.</summary>
    public bool HasEnded() => cluster.TakingPart.All(process => process.Replicas.All(replica =>
        !replica.IsLeader || replica.Machine is not KeyValueMachine { NextExpiryMs: { } next }
        || next + 1000 > replica.LogTimeNow));

    /// <summary>A write to each partition.</summary>
    public IReadOnlyList<Asked> Probes(int round) =>
        [.. Partitions().Select(one => Probe(one.Keyspace, one.Partition, round, 0))];

    /// <summary>A write to each partition of a value that is to live for <see cref="MortalTtlMs"/>.</summary>
    public IReadOnlyList<Asked> MortalProbes(int round) =>
        [.. Partitions().Select(one => Probe(one.Keyspace, one.Partition, round, MortalTtlMs))];

    /// <summary>Compares the content of all replicas.</summary>
    public void CompareAll()
    {
        foreach (var process in cluster.TakingPart)
        {
            foreach (var replica in process.Replicas)
                contents.Compare(replica, process.Name);
        }
    }

    /// <summary>The state of all groups, for people.</summary>
    public string Describe() => string.Join("", cluster.Directory.Groups.SelectMany(Replicas)
        .Select(replica => $"\ngroup {replica.Group}: {replica.Raft.Describe()}"));

    private static IEnumerable<string> TablesOf(RaftReplica replica)
    {
        for (ulong last = 0; ;)
        {
            using var scrub = replica.Tree.OpenScrub(last);
            if (scrub is null)
                break;
            last = scrub.Table;
            yield return string.Create(
                CultureInfo.InvariantCulture, $"{GroupFolder.Of(replica.Group)}/{last:D10}.table");
        }
    }

    private IEnumerable<RaftReplica> Replicas(GroupId group) =>
        cluster.TakingPart.SelectMany(process => process.Replicas).Where(replica => replica.Group == group);

    private bool IsWhereItBelongs(Machine machine) => machine.Use == MachineUse.InUse
        ? machine.Process is { } process
            ? IsTakenRight(process) && (!machine.Joins || machine.IsAdmitted)
            : machine.IsLost
        : machine.Process is null;

    // With an empty disk it knows the founders alone. Where all others have left, nobody can refuse it.
    private bool IsTakenRight(SimulatedProcess process) =>
        process.Node.IsRefused == process.Machine.IsOutsider
        || (process.Machine.IsOutsider && !process.Machine.IsAdmitted && !cluster.Machines.Any(other =>
            other != process.Machine && !other.Joins && other.Use == MachineUse.InUse));

    private IEnumerable<(KeyspaceGroups Keyspace, int Partition)> Partitions() =>
        from keyspace in cluster.Keyspaces
        from partition in Enumerable.Range(0, keyspace.Count)
        select (keyspace, partition);

    private static Asked Probe(KeyspaceGroups keyspace, int partition, int round, ulong ttlMs)
    {
        var kind = ttlMs > 0 ? "mortal" : "probe";
        var key = KeyIn(kind, keyspace, partition);
        var value = string.Create(CultureInfo.InvariantCulture, $"round-{round}");
        return new(
            new PutRequest
            {
                Keyspace = keyspace.Name,
                Key = RegisterWorkload.Bytes(key),
                Value = RegisterWorkload.Bytes(value),
                ClientId = kind,
                RequestId = (ulong)round,
                TtlMs = ttlMs,
            },
            new(
                ProbeClient + (int)keyspace.First.Value + partition, OperationKind.Put,
                KeyspaceKey.Of(keyspace.Name, key))
            {
                Request = (ulong)round,
                Value = value,
            });
    }

    private static string KeyIn(string kind, KeyspaceGroups keyspace, int partition)
    {
        for (var n = 0; ; n++)
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"{kind}-{n}");
            var slot = KeySlot.Of(RegisterWorkload.Bytes(key));
            if (KeySlot.PartitionOf(slot, keyspace.Count) == partition)
                return key;
        }
    }
}
