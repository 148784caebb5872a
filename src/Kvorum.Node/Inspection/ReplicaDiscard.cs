using System.Globalization;
using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Raft;
using Kvorum.Storage;
using Kvorum.Storage.Files;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Inspection;

/// <summary>
/// Gives up what a stopped node's replica of one group has: the operator's decision between replicas that
/// contradict each other (ADR 24). One record in the log decides, so a crash leaves either the old replica or
/// a blank one; files are replaced when the leader fills it. Term and vote are kept.
/// </summary>
public sealed class ReplicaDiscard
{
    private readonly IFileSystem _files;
    private readonly uint _group;
    private readonly NewestState _found;

    private ReplicaDiscard(IFileSystem files, uint group) =>
        (_files, _group, _found) = (files, group, new(group));

    /// <summary>
    /// Discards the replica of a group, 0 for the metadata group. Until it is filled again it votes for
    /// <paramref name="kept"/> alone, if given. Returns what was there, for the operator. A
    /// <see cref="NodeStartException"/> or <see cref="IOException"/> says why nothing was done.
    /// </summary>
    public static string Run(IFileSystem files, uint group, NodeId? kept) =>
        new ReplicaDiscard(files, group).Run(kept);

    private string Run(NodeId? kept)
    {
        var identity = IdentityFile.Read(_files);
        identity.CheckLog(_files);
        if (_group > identity.PartitionCount)
        {
            throw new NodeStartException(string.Create(
                CultureInfo.InvariantCulture,
                $"there is no partition {_group - 1}: there are {identity.PartitionCount}, from 0 on"));
        }

        if (kept == new NodeId(ClusterIdentity.ToUInt128(identity.NodeId)))
            throw new NodeStartException("the node to keep is this one: discard the others' replicas");
        if (kept is { } other && KnownMembers.Read(_files)[other] is null)
            throw new NodeStartException("the node to keep is no other member that this node has met");
        using var log = SharedLog.Open(_files, "log", new(), new InlineJobs(), _found);
        var before = _found.State;
        var batch = new LogBatch();
        var blank = new GroupState(before.Hard with { Commit = default }, new Discarded(kept));
        GroupRecords.Add(batch, _group, blank);
        Exception? failure = new IOException("no room on the disk");
        log.Append(batch, (_, error) => failure = error);
        if (failure is not null)
            throw new IOException($"the log could not be written: {failure.Message}", failure);
        return before.Standing switch
        {
            Quarantined contradiction => $"it was quarantined: {contradiction.Describe(NameOf)}",
            Discarded => "it was discarded before",
            _ => string.Create(
                CultureInfo.InvariantCulture,
                $"it was not quarantined; its term was {before.Hard.Term}"),
        };
    }

    private static string NameOf(NodeId node) => $"node {ClusterIdentity.ToGuid(node.Value)}";

    /// <summary>The newest state of the group; others have states of their own make.</summary>
    private sealed class NewestState(uint wanted) : ILogReplay
    {
        public GroupState State { get; private set; }

        public void Entry(uint group, ulong index, ReadOnlySpan<byte> payload)
        {
        }

        void ILogReplay.State(uint group, ReadOnlySpan<byte> payload)
        {
            if (group == wanted)
                State = GroupRecords.ReadState(payload);
        }
    }

    /// <summary>Nothing else runs: each job is done at once.</summary>
    private sealed class InlineJobs : IJobRunner
    {
        public void Run(JobLane lane, Action job) => job();
    }
}
