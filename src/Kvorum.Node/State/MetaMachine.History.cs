using Kvorum.Node.Placement;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.State;

/// <summary>What has happened in the cluster, for those who follow it; what is down or moves now.</summary>
internal sealed partial class MetaMachine
{
    private readonly Queue<ClusterEvent> _events = new();
    private readonly SortedSet<NodeId> _down = [];
    private ulong _lastEvent;

    // Who has asked for the command that is applied; empty if no operator did.
    private string _by = "";

    /// <summary>The newest events, the oldest first.</summary>
    public IReadOnlyList<ClusterEvent> Events => [.. _events];

    /// <summary>True from the event on that says that replicas have begun to move, until that of the end.
    /// </summary>
    public bool IsRebalancing { get; private set; }

    /// <summary>True if it was said of the member that it is down, and not that it is back.</summary>
    public bool IsDown(NodeId member) => _down.Contains(member);

    private bool SetHealth(NodeId member, bool isDown)
    {
        if (!_members.TryGetValue(member, out var known) || !known.IsHeard || IsDown(member) == isDown)
            return false;
        SetDown(member, isDown);
        Happened(
            isDown ? ClusterEventKind.HealthChanged : ClusterEventKind.NodeRejoined,
            one => one with { Member = known.Name, Why = isDown ? "down" : "up" });
        return true;
    }

    private void SetDown(NodeId member, bool isDown)
    {
        if (isDown ? !_down.Add(member) : !_down.Remove(member))
            return;
        if (isDown)
            Put(MetaRecords.Down, key => key.U128(member.Value), static _ => { });
        else
            Remove(MetaRecords.Down, key => key.U128(member.Value));
    }

    private bool SetRebalancing(bool isMoving)
    {
        if (IsRebalancing == isMoving)
            return false;
        IsRebalancing = isMoving;
        Put(MetaRecords.Rebalancing, static _ => { }, value => value.U8(isMoving ? (byte)1 : (byte)0));
        Happened(
            isMoving ? ClusterEventKind.RebalanceStarted : ClusterEventKind.RebalanceEnded,
            static one => one);
        return true;
    }

    private void PartitionMoved(GroupId group, ReplicaTarget? before, ReplicaTarget after, string why)
    {
        var keyspace = _keyspaces.Values.FirstOrDefault(one => one.Groups.Has(group));
        Happened(ClusterEventKind.PartitionChanged, one => one with
        {
            Keyspace = keyspace?.Settings.Name ?? KeyspaceName.System,
            Partition = keyspace?.Groups.PartitionOf(group).Value ?? 0,
            Why = why,
            Before = before is null ? [] : Names(group, before),
            After = Names(group, after),
        });
    }

    // All members follow the metadata group: those that vote in it are what changes.
    private IReadOnlyList<string> Names(GroupId group, ReplicaTarget target) =>
        [.. (group.IsMetadata ? target.Voters : target.Voters.Concat(target.Learners)).Select(NameOf)];

    private string NameOf(NodeId node) =>
        _members.TryGetValue(node, out var member) && member.Name.Length > 0 ? member.Name : $"{node}";

    private void Happened(ClusterEventKind kind, Func<ClusterEvent, ClusterEvent> describe)
    {
        var happened = describe(
            new() { Position = ++_lastEvent, TimeMs = LogTimeMs, Kind = kind, By = _by });
        _events.Enqueue(happened);
        Put(
            MetaRecords.Event, key => key.U64(happened.Position),
            value => MetaRecords.Write(value, happened));
        while (_events.Count > Limits.ClusterEventsKept)
        {
            var oldest = _events.Dequeue();
            Remove(MetaRecords.Event, key => key.U64(oldest.Position));
        }
    }

    // The tree keeps them in no order of their own.
    private void LoadHistory(List<ClusterEvent> events)
    {
        foreach (var one in events.OrderBy(static one => one.Position))
            _events.Enqueue(one);
        _lastEvent = events.Count == 0 ? 0 : events.Max(static one => one.Position);
    }
}
