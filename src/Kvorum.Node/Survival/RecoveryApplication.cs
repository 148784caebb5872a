using System.Buffers;
using Kvorum.Node.Groups;
using Kvorum.Node.Inspection;
using Kvorum.Node.Membership;
using Kvorum.Node.State;
using Kvorum.Node.Wire;
using Kvorum.Raft;
using Kvorum.Storage.Files;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Survival;

/// <summary>
/// Applies the plan of a recovery to a survivor's data folder (ADR 39). First one frame of the log changes
/// all groups at once, then <c>identity.json</c> is replaced; a node does not start between the two, and
/// applying the plan again goes on from there. So a crash leaves what was, or what is to be.
/// </summary>
public static class RecoveryApplication
{
    /// <summary>What a folder says; throws as <see cref="SurvivorFolder.Read"/> does.</summary>
    public static Survivor Describe(IFileSystem files) => SurvivorFolder.Read(files).Describe();

    /// <summary>
    /// Applies the plan. False if the folder has it already. A <see cref="RecoveryRefusedException"/>, a
    /// <see cref="NodeStartException"/> or an <see cref="IOException"/> says why not.
    /// </summary>
    public static bool Run(IFileSystem files, RecoveryPlan plan)
    {
        var identity = IdentityFile.Read(files);
        identity.CheckLog(files);
        var described = plan.Survivors.FirstOrDefault(one => one.NodeId == identity.NodeId)
            ?? throw new RecoveryRefusedException(
                $"the plan does not name {identity.NodeName} as a survivor: it is given up. Make a new plan "
                + "with its folder, before any is applied");
        if (described.Incarnation != identity.Incarnation)
        {
            throw new RecoveryRefusedException(
                $"the plan was made from another data folder of {identity.NodeName}: give --data that one");
        }

        if (identity.Recovery == plan.Id)
            return false;
        if (SurvivorFolder.RecoveryIn(files) != ClusterIdentity.ToUInt128(plan.Id))
            WriteLog(files, plan, described);
        WriteIdentity(files, plan, identity);
        return true;
    }

    private static void WriteLog(IFileSystem files, RecoveryPlan plan, Survivor described)
    {
        var folder = SurvivorFolder.Read(files);
        if (!folder.Describe().ToJson().AsSpan().SequenceEqual(described.ToJson()))
        {
            throw new RecoveryRefusedException(
                $"the folder of {described.NodeName} has changed since it was described: describe it again, "
                + "and make a new plan");
        }

        var batch = new LogBatch();
        var empty = new List<GroupId>();
        foreach (var group in plan.Groups.Where(static group => !group.IsQuorum))
        {
            var self = new NodeId(ClusterIdentity.ToUInt128(described.NodeId));
            var isSource = group.Source == described.NodeId;
            if (group.Fate == GroupFate.GoesOn && isSource)
                GoOn(batch, folder, plan, group, self);
            else if (group.Fate == GroupFate.GoesOn)
                Discard(batch, folder, group);
            else if (group.Fate == GroupFate.BeginsEmpty && isSource)
            {
                empty.Add(new(group.Group));
                Begin(batch, group, self);
            }
        }

        NodeRecords.AddRecovery(batch, ClusterIdentity.ToUInt128(plan.Id));
        // Given up before: what is in them counts no more.
        foreach (var group in empty)
            GroupFolder.Delete(files, group);
        Append(files, batch);
    }

    // All that is in the log counts as committed, and this node alone votes from then on.
    private static void GoOn(
        LogBatch batch, SurvivorFolder folder, RecoveryPlan plan, RecoveredGroup group, NodeId self)
    {
        var id = new GroupId(group.Group);
        var (_, log) = folder.Recovered(id);
        var (term, last) = (new Term(group.Term), log.LastIndex);
        foreach (var change in ChangesTo(self, folder.ConfigurationOf(id, log)))
        {
            var bytes = new ArrayBufferWriter<byte>();
            ConfigurationCodec.Encode(change, bytes);
            last = last.Next;
            GroupRecords.Add(batch, id, new Entry(last, term, EntryKind.Configuration, bytes.WrittenMemory));
        }

        if (id.IsMetadata)
        {
            var command = MetaRecords.EncodeRecovery(
                ClusterIdentity.ToUInt128(plan.NewCluster),
                plan.Survivors.Select(static one => new NodeId(ClusterIdentity.ToUInt128(one.NodeId))), 0);
            last = last.Next;
            GroupRecords.Add(batch, id, new Entry(last, term, EntryKind.Command, command));
        }

        GroupRecords.Add(batch, id, new GroupState(new(term, null, last), null));
    }

    /// <summary>The changes that make a node the only member.</summary>
    internal static IEnumerable<ConfigurationChange> ChangesTo(NodeId self, Configuration from)
    {
        var leave = new ConfigurationChange([]);
        var now = from;
        if (now.IsJoint)
        {
            yield return leave;
            now = RaftNode.After(now, leave)!;
        }

        MemberChange[] changes =
        [
            .. now.Voters.Contains(self) ? Array.Empty<MemberChange>()
                : [new(MemberChangeKind.AddVoter, self)],
            .. now.Voters.Concat(now.Learners).Where(node => node != self).Order()
                .Select(static node => new MemberChange(MemberChangeKind.Remove, node)),
        ];
        if (changes.Length == 0)
            yield break;
        var only = new ConfigurationChange(changes);
        yield return only;
        if (RaftNode.After(now, only)!.IsJoint)
            yield return leave;
    }

    // Until it is filled it votes for the source alone.
    private static void Discard(LogBatch batch, SurvivorFolder folder, RecoveredGroup group)
    {
        var id = new GroupId(group.Group);
        if (!folder.Births.ContainsKey(id) || folder.Groups.StandingOf(id) is Removed)
            return;
        var kept = new NodeId(ClusterIdentity.ToUInt128(group.Source));
        var hard = folder.Groups.StateOf(id) with { Commit = default };
        GroupRecords.Add(batch, id, new GroupState(hard, new Discarded(kept)));
    }

    private static void Begin(LogBatch batch, RecoveredGroup group, NodeId self)
    {
        var birth = new GroupBirth(
            new(group.Group), new(group.KeyspaceId), group.Keyspace, new(group.Partition),
            KeyspaceSettings.Strong, new Configuration { Voters = [self] });
        BirthRecords.Add(batch, birth, new ByteWriter());
        GroupRecords.Add(batch, birth.Group, new GroupState(new(new(group.Term), null, default), null));
    }

    private static void Append(IFileSystem files, LogBatch batch)
    {
        using var log = SharedLog.Open(
            files, SurvivorFolder.LogFolder, new(), new InlineJobs(), new NodeReplay(new NoGroups()));
        Exception? failure = new IOException("no room on the disk");
        log.Append(batch, (_, error) => failure = error);
        if (failure is not null)
            throw new IOException($"the log could not be written: {failure.Message}", failure);
    }

    private static void WriteIdentity(IFileSystem files, RecoveryPlan plan, IdentityFile identity)
    {
        var recovered = identity with
        {
            ClusterId = plan.NewCluster,
            FormerClusters = [.. identity.FormerClusters ?? [], plan.OldCluster],
            Recovery = plan.Id,
            Members = null,
            Founders =
            [
                .. plan.Survivors.OrderBy(static one => ClusterIdentity.ToUInt128(one.NodeId))
                    .Select(static one => new Founder(one.NodeId, one.NodeName, one.PeerAddress)),
            ],
        };
        recovered.Write(files);
    }
}
