using System.Globalization;
using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Raft;
using Kvorum.Storage;
using Kvorum.Storage.Files;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Inspection;

/// <summary>
/// Gives up what a stopped node's replicas have: the operator's decision between replicas that contradict
/// each other (ADR 24). One frame of the log decides, so a crash leaves either the old replicas or blank
/// ones; files are replaced when the leader fills them. Terms and votes are kept.
/// </summary>
public static class ReplicaDiscard
{
    /// <summary>
    /// Discards the replica of a group, 0 for the metadata group; null for those of all groups. Until a
    /// discarded one is filled again it votes for <paramref name="kept"/> alone, if given. Returns what was
    /// there, for the operator. A <see cref="NodeStartException"/> or <see cref="IOException"/> says why
    /// nothing was done.
    /// </summary>
    public static IReadOnlyList<(uint Group, string Was)> Run(IFileSystem files, uint? group, NodeId? kept)
    {
        var identity = IdentityFile.Read(files);
        identity.CheckLog(files);
        if (group > identity.PartitionCount)
        {
            throw new NodeStartException(string.Create(
                CultureInfo.InvariantCulture,
                $"there is no partition {group - 1}: there are {identity.PartitionCount}, from 0 on"));
        }

        if (kept == new NodeId(ClusterIdentity.ToUInt128(identity.NodeId)))
            throw new NodeStartException("the node to keep is this one: discard the others' replicas");
        if (kept is { } other && KnownMembers.Read(files)[other] is null)
            throw new NodeStartException("the node to keep is no other member that this node has met");
        var found = new NewestStates((uint)identity.PartitionCount);
        using var log = SharedLog.Open(files, "log", new(), new InlineJobs(), found);
        var batch = new LogBatch();
        var told = new List<(uint Group, string Was)>();
        for (var one = group ?? 0; one <= (group ?? (uint)identity.PartitionCount); one++)
        {
            var before = found.Of(one);
            var blank = new GroupState(before.Hard with { Commit = default }, new Discarded(kept));
            GroupRecords.Add(batch, one, blank);
            told.Add((one, Describe(before)));
        }

        Exception? failure = new IOException("no room on the disk");
        log.Append(batch, (_, error) => failure = error);
        if (failure is not null)
            throw new IOException($"the log could not be written: {failure.Message}", failure);
        return told;
    }

    private static string Describe(GroupState before) => before.Standing switch
    {
        Quarantined contradiction => $"it was quarantined: {contradiction.Describe(NameOf)}",
        Discarded => "it was discarded before",
        _ => string.Create(
            CultureInfo.InvariantCulture,
            $"it was not quarantined; its term was {before.Hard.Term}"),
    };

    private static string NameOf(NodeId node) => $"node {ClusterIdentity.ToGuid(node.Value)}";

    /// <summary>The newest state of each group; what the log keeps beside groups has other states.</summary>
    private sealed class NewestStates(uint groupMax) : ILogReplay
    {
        private readonly Dictionary<uint, GroupState> _states = []; // never walked over

        public GroupState Of(uint group) => _states.GetValueOrDefault(group);

        public void Entry(uint group, ulong index, ReadOnlySpan<byte> payload)
        {
        }

        void ILogReplay.State(uint group, ReadOnlySpan<byte> payload)
        {
            if (group <= groupMax)
                _states[group] = GroupRecords.ReadState(payload);
        }
    }

    /// <summary>Nothing else runs: each job is done at once.</summary>
    private sealed class InlineJobs : IJobRunner
    {
        public void Run(JobLane lane, Action job) => job();
    }
}
