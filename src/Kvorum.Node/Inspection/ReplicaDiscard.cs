using System.Globalization;
using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Raft;
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
    /// Discards the chosen replicas. Until a discarded one is filled again it votes for
    /// <paramref name="kept"/> alone, if given. Returns what was there, for the operator, by the name of the
    /// group. A <see cref="NodeStartException"/> or <see cref="IOException"/> says why nothing was done.
    /// </summary>
    public static IReadOnlyList<(string Group, string Was)> Run(
        IFileSystem files, ReplicaChoice choice, NodeId? kept)
    {
        var identity = IdentityFile.Read(files);
        identity.CheckLog(files);
        if (kept == new NodeId(ClusterIdentity.ToUInt128(identity.NodeId)))
            throw new NodeStartException("the node to keep is this one: discard the others' replicas");
        if (kept is { } other && KnownMembers.Read(files)[other] is null)
            throw new NodeStartException("the node to keep is no other member that this node has met");
        var found = new NewestStates();
        var replay = new NodeReplay(found);
        using var log = SharedLog.Open(files, "log", new(), new InlineJobs(), replay);
        var batch = new LogBatch();
        var told = new List<(string Group, string Was)>();
        foreach (var group in GroupsOf(choice, replay.Births))
        {
            var before = found.Of(group);
            var blank = new GroupState(before.Hard with { Commit = default }, new Discarded(kept));
            GroupRecords.Add(batch, group, blank);
            told.Add((NameOf(replay.Births[group]), Describe(before)));
        }

        Exception? failure = new IOException("no room on the disk");
        log.Append(batch, (_, error) => failure = error);
        if (failure is not null)
            throw new IOException($"the log could not be written: {failure.Message}", failure);
        return told;
    }

    private static GroupId[] GroupsOf(
        ReplicaChoice choice, SortedDictionary<GroupId, GroupBirth> births)
    {
        if (choice.Keyspace is not { } keyspace)
            return [.. births.Keys];
        var chosen = births.Values.Where(
            birth => birth.Keyspace == keyspace && birth.Partition == choice.Partition).ToArray();
        return chosen.Length > 0 ? [.. chosen.Select(static birth => birth.Group)]
            : throw new NodeStartException(
                $"there is no {GroupDirectory.NameOf(keyspace, choice.Partition)} on this node");
    }

    private static string NameOf(GroupBirth birth) => GroupDirectory.NameOf(birth.Keyspace, birth.Partition);

    private static string Describe(GroupState before) => before.Standing switch
    {
        Quarantined contradiction => $"it was quarantined: {contradiction.Describe(NameOf)}",
        Discarded => "it was discarded before",
        _ => string.Create(
            CultureInfo.InvariantCulture,
            $"it was not quarantined; its term was {before.Hard.Term}"),
    };

    private static string NameOf(NodeId node) => $"node {ClusterIdentity.ToGuid(node.Value)}";

    /// <summary>The newest state of each group.</summary>
    private sealed class NewestStates : IGroupReplay
    {
        private readonly Dictionary<GroupId, GroupState> _states = []; // never walked over

        public GroupState Of(GroupId group) => _states.GetValueOrDefault(group);

        public void Entry(GroupId group, ulong index, ReadOnlySpan<byte> payload)
        {
        }

        void IGroupReplay.State(GroupId group, ReadOnlySpan<byte> payload) =>
            _states[group] = GroupRecords.ReadState(payload);
    }
}
