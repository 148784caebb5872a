using Kvorum.Node.Events;
using Kvorum.Node.Placement;
using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>
/// The leader's part in moving a group: proposes what <see cref="ConfigurationWalk"/> decides, and says how
/// far the group is. Owned by the node loop.
/// </summary>
internal sealed class GroupWalker(
    IReplicaHost host, IReplica owner, ReplicaParts parts, SnapshotSender sender)
{
    private readonly RaftNode _raft = parts.Raft;

    // Where it looked last and found the group at its target: nothing is to be done until either changes.
    private (Epoch Epoch, ulong Members, LogIndex Configuration, Term Term)? _arrived;
    private ulong _progress;
    private long _progressMs;

    /// <summary>True if the group is where its target wants it, as of the last look.</summary>
    public bool HasArrived => _arrived == Position;

    private (Epoch Epoch, ulong Members, LogIndex Configuration, Term Term)? Position =>
        host.Cluster.Placement.Placed(parts.Group) is { } placed
            ? (placed.Epoch, parts.Group.IsMetadata ? host.Cluster.Version : 0, _raft.ConfigurationIndex,
                _raft.Term)
            : null;

    /// <summary>Goes on, if this replica leads.</summary>
    public void Sweep()
    {
        if (_raft.Role != Role.Leader)
        {
            _arrived = null;
            return;
        }

        var hasArrived = HasArrived;
        if (!hasArrived || _raft.Configuration.Learners.Count > 0)
            NoteProgress();
        if (hasArrived || Target is not { } target)
            return;
        switch (ConfigurationWalk.Next(_raft.Configuration, target, HasCaughtUp, host.Cluster.Health.IsUp))
        {
            case WalkStep.Arrived:
                _arrived = Position;
                break;
            case WalkStep.Change step when !HandsOver(target):
                Propose(step.Members);
                break;
        }
    }

    /// <summary>How far the group is, for the leader of the metadata group.</summary>
    public GroupReport Report()
    {
        var now = _raft.Configuration;
        NodeId[] filling = [.. now.Learners.Where(node => !HasCaughtUp(node))];
        var going = now.Outgoing.Except(now.Voters).Except(now.Learners);
        return new(
            parts.Group, _raft.Term, _raft.ConfigurationIndex,
            new GroupReplicas(
                now.Voters, [.. now.Learners.Except(filling)], [.. filling, .. going], now.IsJoint),
            parts.Tree.Bytes, HasArrived && !filling.Any(IsOnItsWay) ? 0 : host.NowMs - _progressMs);
    }

    // One that is to stay a learner is no step of the walk, and is to be filled all the same. One that was
    // filled once and is away or late is where it should be.
    private bool IsOnItsWay(NodeId node) => !parts.Group.IsMetadata && host.Cluster.Health.IsUp(node)
        && (_raft.ProgressOf(node) is not { } progress || progress.Match < _raft.ConfigurationIndex);

    // All members follow the metadata group, and it keeps its voters while nothing else was decided.
    private ReplicaTarget? Target
    {
        get
        {
            if (host.Cluster.Placement.Placed(parts.Group) is not { } placed)
                return null;
            if (!parts.Group.IsMetadata || placed.Epoch != default)
                return placed.Target;
            var voters = _raft.Configuration.Voters;
            return new(voters, [.. placed.Nodes.Except(voters)]);
        }
    }

    // What it has acknowledged since it became a learner counts, and nothing from before: it may have been a
    // member then, with data that it has deleted.
    private bool HasCaughtUp(NodeId node) => node == _raft.Id
        || (_raft.ProgressOf(node) is { NeedsSnapshot: false, IsActive: true } progress
            && progress.Match >= _raft.ConfigurationIndex
            && _raft.LastIndex.Value - Math.Min(progress.Match.Value, _raft.LastIndex.Value)
                <= Limits.CaughtUpLagEntries);

    private void NoteProgress()
    {
        var progress = _raft.ConfigurationIndex.Value + (ulong)sender.Progress;
        foreach (var node in _raft.Configuration.Learners)
            progress += _raft.ProgressOf(node)?.Match.Value ?? 0;
        if (progress != _progress)
            (_progress, _progressMs) = (progress, host.NowMs);
    }

    // A leader that is to leave the voters hands over to one that stays; where none can take it, the core
    // hands over when the change is committed.
    private bool HandsOver(ReplicaTarget target)
    {
        if (target.Voters.Contains(_raft.Id))
            return false;
        foreach (var node in target.Voters)
        {
            if (_raft.Configuration.Voters.Contains(node) && host.Cluster.Health.IsUp(node)
                && !host.Cluster.Health.IsSlow(node, host.NowMs) && HasCaughtUp(node)
                && _raft.TransferLeadership(node))
            {
                host.Touch(owner);
                return true;
            }
        }

        return false;
    }

    private void Propose(ConfigurationChange change)
    {
        var outcome = _raft.Propose(change).Outcome;
        host.Touch(owner);
        if (outcome != ProposeOutcome.Accepted)
            return;
        _progressMs = host.NowMs;
        var step = string.Join(", ", change.Changes.Select(one => one.Kind switch
        {
            MemberChangeKind.AddVoter => $"{host.Cluster.Members.NameOf(one.Node)} votes",
            MemberChangeKind.AddLearner => $"{host.Cluster.Members.NameOf(one.Node)} learns",
            _ => $"{host.Cluster.Members.NameOf(one.Node)} goes",
        }));
        host.Cluster.Tell(new ReplicasChanging(parts.Identity.Keyspace, parts.Identity.Partition, step));
    }
}
