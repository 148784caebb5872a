using System.Diagnostics;
using Kvorum.Node.Groups;
using Kvorum.Node.Leaderless;
using Kvorum.Node.Membership;
using Kvorum.Node.Replicas;
using Kvorum.Node.Wire;
using Kvorum.Storage.Files;
using Kvorum.Storage.Log;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Loops;

/// <summary>
/// Makes the replicas that this node is to have and does not have yet: first their birth records become
/// durable, then their trees are made, then they take part. After a crash in between, the start finds the
/// records and makes the trees. One that was deleted before begins with the term and the vote that it had.
/// Owned by the loop.
/// </summary>
internal sealed class ReplicaMaker(
    NodeContext context, LoopClock clock, Inbox inbox, LoopJobs jobs, ReplicaTable replicas,
    IReplicaHost host, ReplicaRemover remover, LoopQuorums quorums)
{
    private readonly ReplicaFactory _factory = new(context);
    private readonly SortedSet<GroupId> _making = [];

    // There was no room on the disk for their trees.
    private readonly List<Making> _waiting = [];
    private long _againMs;

    private sealed record Making(GroupBirth[] Births)
    {
        public List<Tree> Trees { get; } = [];
    }

    /// <summary>
    /// Makes those of the replicas that are neither here nor under way. Throws if one here is of another
    /// keyspace or partition than the metadata group says: it would serve the wrong data.
    /// </summary>
    public void Make(IReadOnlyList<GroupBirth> births)
    {
        foreach (var birth in births)
        {
            if (replicas.Find(birth.Group) is { Identity: var here }
                && (here.Keyspace != birth.Keyspace || here.Partition != birth.Partition))
            {
                throw new NodeFaultException($"group {birth.Group} is {here} in this data folder and "
                    + $"{birth.Keyspace}/{birth.Partition} in the metadata group, which must have lost what "
                    + "it had agreed on: restore the metadata group's replicas from copies");
            }
        }

        GroupBirth[] missing =
            [.. births.Where(birth => replicas.Find(birth.Group) is null && !remover.IsRemoving(birth.Group)
                && _making.Add(birth.Group)).Select(Again)];
        if (missing.Length == 0)
            return;
        var batch = new LogBatch();
        var room = new ByteWriter();
        foreach (var birth in missing)
        {
            BirthRecords.Add(batch, birth, room);
            if (context.Former.Of(birth.Group) is { } former)
                GroupRecords.Add(batch, birth.Group, new GroupState(former, Standing: null));
        }

        context.Log.Append(batch, (_, failure) => inbox.Post(new LoopEvent.JobDone(
            error => Recorded(new(missing), error), failure)));
    }

    // The group has gone on without the replica that was here: with its first configuration it would count on
    // nodes that have deleted theirs as well.
    private GroupBirth Again(GroupBirth birth) => context.Former.Of(birth.Group) is null
        ? birth : birth with { First = new() { Voters = [] } };

    /// <summary>The replica that is made of these parts is among the loop's from now on.</summary>
    public IReplica Add(IReplicaParts parts)
    {
        switch (parts)
        {
            case ReplicaParts raft:
                var voter = new RaftReplica(host, raft);
                replicas.Add(voter);
                return voter;
            case QuorumParts { Group.IsLocal: true } own:
                var store = new QuorumReplica(host, own, quorums.Hints.Stored);
                replicas.Add((IReplica)store);
                quorums.Hints.Attach(store);
                return store;
            case QuorumParts quorum:
                var keeper = new QuorumReplica(host, quorum, quorums.Desk.Stored);
                replicas.Add(keeper);
                return keeper;
            default:
                throw new UnreachableException($"There is no replica of {parts.GetType().Name}.");
        }
    }

    /// <summary>Tries again where there was no room.</summary>
    public void Sweep()
    {
        if (_waiting.Count == 0 || clock.NowMs < _againMs)
            return;
        Making[] waiting = [.. _waiting];
        _waiting.Clear();
        foreach (var making in waiting)
            OpenTrees(making);
    }

    private void Recorded(Making making, Exception? failure)
    {
        if (failure is not null)
            throw new NodeFaultException($"the log could not be written: {failure.Message}", failure);
        OpenTrees(making);
    }

    private void OpenTrees(Making making) => jobs.RunInBackground(
        () =>
        {
            foreach (var birth in making.Births.Skip(making.Trees.Count))
                making.Trees.Add(_factory.OpenTree(birth.Group));
        },
        failure => Opened(making, failure));

    private void Opened(Making making, Exception? failure)
    {
        if (failure is DiskShortageException)
        {
            _waiting.Add(making);
            _againMs = clock.NowMs + Limits.DiskFullRetryMs;
        }
        else if (failure is not null)
        {
            throw new NodeFaultException($"the tree of a new replica: {failure.Message}", failure);
        }
        else
        {
            for (var i = 0; i < making.Births.Length; i++)
                Begin(making.Births[i], making.Trees[i]);
        }
    }

    private void Begin(GroupBirth birth, Tree tree)
    {
        _making.Remove(birth.Group);
        var former = context.Former.Of(birth.Group) ?? default;
        context.Former.Remove(birth.Group);
        var replica = Add(_factory.Born(birth, tree, former));
        replica.Begin();
        if (!context.Cluster.IsAdmitted)
            return;
        replica.TakePart();
        foreach (var peer in context.Cluster.PeersUp)
            replica.PeerUp(peer);
    }
}
