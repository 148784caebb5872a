using Kvorum.Node.Membership;
using Kvorum.Node.Scans;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.Leaderless;

/// <summary>
/// A part that R replicas of a group give together, as a read of each key would ask them; for a stale scan
/// one. One that is slow or refuses is asked no more; another is, while there are others.
/// </summary>
internal sealed class ReplicaSources(
    ClusterView cluster, GroupId group, KeyspaceDefinition keyspace, ScanRequest scan) : IPartitionSource
{
    private readonly SortedSet<NodeId> _asked = [];
    private readonly SortedSet<NodeId> _slow = [];
    private readonly SortedSet<NodeId> _there = [];
    private readonly SortedSet<NodeId> _cannot = [];
    private readonly SortedSet<NodeId> _misplaced = [];
    private Epoch _epoch;
    private QuorumSettings _settings = QuorumSettings.Majority(1);

    /// <inheritdoc/>
    public GroupId Group => group;

    /// <inheritdoc/>
    public bool HasRecords => true;

    /// <inheritdoc/>
    public bool IsThere { get; private set; }

    /// <inheritdoc/>
    public string? Failure { get; private set; }

    /// <inheritdoc/>
    public IReadOnlyList<AskedNode> Next()
    {
        if (IsThere || IsTooEarly || cluster.Placement.Placed(group) is not { } placed)
            return [];
        // Other replicas count from now on.
        if (placed.Epoch != _epoch)
            Forget();
        _epoch = placed.Epoch;
        var nodes = ReplicaNodes.Of(cluster, placed);
        var among = nodes.Change.Readers(int.MaxValue).Members;
        _settings = keyspace.Settings.Quorum!.For(scan, among.Count);
        Failure = WhyNot(nodes, among);
        if (Failure is not null)
            return [];
        var lacking = _settings.ReadQuorum - _there.Count - _asked.Except(_slow).Count();
        var next = new List<AskedNode>();
        foreach (var number in among & nodes.Up)
        {
            var node = nodes[number];
            if (lacking <= 0)
                break;
            if (_asked.Contains(node) || _there.Contains(node) || _cannot.Contains(node)
                || _misplaced.Contains(node))
                continue;
            _asked.Add(node);
            next.Add(new(node, _epoch));
            lacking--;
        }

        return next;
    }

    /// <inheritdoc/>
    public void Answered(AskedNode asked)
    {
        if (asked.Epoch != _epoch)
            return;
        Done(asked.Node);
        _there.Add(asked.Node);
        IsThere |= _there.Count >= _settings.ReadQuorum;
    }

    /// <inheritdoc/>
    public void Refused(AskedNode asked, in RefusedGroup refused)
    {
        if (asked.Epoch != _epoch)
            return;
        Done(asked.Node);
        (refused.Reason == RefusalReason.Damaged ? _cannot : _misplaced).Add(asked.Node);
    }

    /// <inheritdoc/>
    public void TakenBack(AskedNode asked)
    {
        if (asked.Epoch == _epoch)
            Done(asked.Node);
    }

    /// <inheritdoc/>
    public void IsSlow(AskedNode asked)
    {
        if (asked.Epoch == _epoch)
            _slow.Add(asked.Node);
    }

    /// <inheritdoc/>
    public void Rested() => _misplaced.Clear();

    /// <inheritdoc/>
    public Receipt Receipt(IReadOnlyList<string> nodes) =>
        QuorumReceipts.OfRead(nodes, _settings, RecordVersion.None);

    /// <inheritdoc/>
    public string WhyLate() => IsTooEarly ? $": {QuorumCoordinator.NotVouchedFor}" : _misplaced.Count > 0
        ? $": its replicas are being moved; asked in vain: {NamesOf(_misplaced)}"
        : $": answered by {NamesOf(_there)}; no answer yet of {NamesOf(_asked)}";

    // As for a read: what this node's own replicas say may be out of date.
    private bool IsTooEarly => !cluster.IsVouchedFor && scan.Consistency != ReadConsistency.Stale;

    // As of a read: at once, rather than when the time is up.
    private string? WhyNot(ReplicaNodes nodes, ReplicaMask among)
    {
        if (_settings.ReadQuorum > among.Count)
        {
            return $"keyspace '{keyspace.Settings.Name}' wants R = {_settings.ReadQuorum} replicas, and its "
                + $"partition {Partition} has {among.Count}: add nodes";
        }

        var possible = 0;
        var away = new List<NodeId>();
        foreach (var number in among)
        {
            var canAnswer = (nodes.Up & ReplicaMask.Of(number)).Count > 0 && !_cannot.Contains(nodes[number]);
            if (canAnswer || _there.Contains(nodes[number]))
                possible++;
            else
                away.Add(nodes[number]);
        }

        return possible >= _settings.ReadQuorum ? null
            : $"{_settings.ReadQuorum} of {among.Count} replicas of partition {Partition} of "
                + $"'{keyspace.Settings.Name}' must answer a scan; these cannot: {NamesOf(away)}";
    }

    private uint Partition => keyspace.Groups.PartitionOf(group).Value;

    private string NamesOf(IReadOnlyCollection<NodeId> nodes) =>
        nodes.Count == 0 ? "none" : string.Join(", ", nodes.Select(cluster.Members.NameOf));

    private void Done(NodeId node)
    {
        _asked.Remove(node);
        _slow.Remove(node);
    }

    private void Forget()
    {
        foreach (var nodes in (SortedSet<NodeId>[])[_asked, _slow, _there, _cannot, _misplaced])
            nodes.Clear();
    }
}
