using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Scans;

/// <summary>
/// One page of a scan on the node that was asked: each group's leader is asked for its share, again and
/// elsewhere until it has answered or the time is up, and the shares are merged. Each group is in exactly one
/// share, so that no key is missing and none is there twice. Owned by one loop.
/// </summary>
internal sealed class PageScan
{
    private readonly IScanHost _host;
    private readonly ScanTable _table;
    private readonly ScanRequest _scan;
    private readonly ScanSpec _order;
    private readonly uint _groupCount;

    // Every group is in one of the three: not asked, asked, or in a share.
    private readonly SortedSet<GroupId> _unasked;
    private readonly SortedDictionary<ulong, Question> _asked = [];
    private readonly List<PartialScanResult> _shares = [];
    private long _patienceMs = Limits.ScanShareTimeoutMs;

    public PageScan(IScanHost host, ScanTable table, Call call)
    {
        (_host, _table, Call) = (host, table, call);
        _scan = (ScanRequest)call.Request;
        _order = ScanSpec.Of(_scan);
        _unasked = [.. host.Cluster.Directory.Keyspace(_scan.Keyspace)?.All ?? []];
        _groupCount = (uint)_unasked.Count;
    }

    private sealed record Question(NodeId To, SortedSet<GroupId> Groups, long EndMs);

    public Call Call { get; }

    public void Begin()
    {
        if (_order.Range.IsEmpty || _groupCount == 0)
            Finish(ScanPageCodec.Join(default, 0, default));
        else
            Ask();
    }

    /// <summary>
    /// An answer to one of its questions. What was asked anew meanwhile is not taken: it will come again.
    /// </summary>
    public void Answered(PartialScanResult share)
    {
        if (Call.IsDone || !_asked.TryGetValue(share.Id, out var question)
            || !question.Groups.IsSupersetOf(share.Groups)
            || !question.Groups.IsSupersetOf(share.Refused.Select(static refused => refused.Group)))
            return;
        if (share.Error.Length > 0)
        {
            Fail(share.IsUnavailable ? ReplyStatus.Unavailable : ReplyStatus.Internal, share.Error);
            return;
        }

        question.Groups.ExceptWith(share.Groups);
        if (share.Groups.Length > 0)
            _shares.Add(share);
        foreach (var (group, leader) in share.Refused)
        {
            question.Groups.Remove(group);
            _unasked.Add(group);
            Learn(group, question.To, leader);
        }

        if (question.Groups.Count == 0)
            Forget(share.Id);
        if (_asked.Count == 0 && _unasked.Count == 0)
            Merge();
    }

    /// <summary>Asks for what is not under way; ends when its time is up.</summary>
    public void Sweep(long nowMs)
    {
        if (Call.IsDone)
            return;
        if (Call.IsCancelled)
        {
            Fail(ReplyStatus.Cancelled, "");
            return;
        }

        if (nowMs >= Call.DeadlineMs)
        {
            Fail(ReplyStatus.DeadlineExceeded, WhyLate());
            return;
        }

        TakeBack(question => nowMs >= question.EndMs, isLate: true);
        Ask();
    }

    /// <summary>The peer is lost, and the answers it owes with it.</summary>
    public void PeerLost(NodeId peer) => TakeBack(question => question.To == peer, isLate: false);

    private void Ask()
    {
        if (_unasked.Count == 0)
            return;
        var perNode = new SortedDictionary<NodeId, SortedSet<GroupId>>();
        foreach (var group in _unasked)
        {
            if (TargetOf(group) is not { } node)
                continue;
            if (!perNode.TryGetValue(node, out var groups))
                perNode.Add(node, groups = []);
            groups.Add(group);
        }

        foreach (var (node, groups) in perNode)
        {
            var timeoutMs = Math.Clamp(Call.DeadlineMs - _host.NowMs, 1, _patienceMs);
            var id = _table.Register(this);
            _unasked.ExceptWith(groups);
            _asked.Add(id, new(node, groups, _host.NowMs + timeoutMs));
            _host.Ask(node, new(id, (uint)timeoutMs, _order, _groupCount, [.. groups]));
        }
    }

    // Null while no node is known that could answer.
    private NodeId? TargetOf(GroupId group)
    {
        var cluster = _host.Cluster;
        var preference = cluster.PreferenceOf(group);
        // It leads, or knows why no replica does.
        if (preference is [var only])
            return cluster.Health.IsUp(only) ? only : null;
        var isHere = preference.Contains(cluster.Self);
        if (_order.Consistency == ReadConsistency.Stale && isHere)
            return cluster.Self;
        if (cluster.Leaders.Of(group) is { } leader && cluster.Health.IsUp(leader))
            return leader;
        // A replica here will know the leader as soon as there is one.
        return isHere ? null : preference.Where(cluster.Health.IsUp).Cast<NodeId?>().FirstOrDefault();
    }

    // Where no replica is here to know better, what the asked node said of the leader is remembered.
    private void Learn(GroupId group, NodeId asked, NodeId? leader)
    {
        if (!_host.Cluster.PreferenceOf(group).Contains(_host.Cluster.Self))
            _host.Cluster.Leaders.Set(group, leader == asked ? null : leader, default);
    }

    private void TakeBack(Func<Question, bool> condition, bool isLate)
    {
        foreach (var (id, question) in _asked.Where(asked => condition(asked.Value)).ToArray())
        {
            _unasked.UnionWith(question.Groups);
            Forget(id);
            // Too slow, perhaps, rather than lost: more patience, or the work is begun again and again.
            if (isLate)
                _patienceMs = Math.Min(_patienceMs * 2, Limits.ScanShareTimeoutMaxMs);
        }
    }

    private void Forget(ulong id)
    {
        _asked.Remove(id);
        _table.Unregister(id);
    }

    private void Merge()
    {
        byte[]? page = null;
        _host.Scan(
            () => page = PageMerge.Merge(_scan, _order, _shares),
            failure =>
            {
                if (failure is null)
                    Finish(page!);
                else
                    Fail(ReplyStatus.Internal, $"the page could not be put together: {failure.Message}");
            });
    }

    private void Finish(byte[] page) => End(new()
    {
        Status = ReplyStatus.Ok,
        Value = page,
        Epoch = _host.Cluster.Epoch,
        Stale = _order.Consistency == ReadConsistency.Stale,
    });

    private void Fail(ReplyStatus status, string message) =>
        End(new() { Status = status, Message = message, Epoch = _host.Cluster.Epoch });

    private void End(Reply reply)
    {
        foreach (var id in _asked.Keys)
            _table.Unregister(id);
        _asked.Clear();
        _host.Finish(Call, reply);
        _table.Ended(this);
    }

    private string WhyLate()
    {
        var late = _unasked.Concat(_asked.Values.SelectMany(question => question.Groups)).Order().ToArray();
        if (late.Length == 0)
            return $"the page was not put together within {Call.Timeout.TotalMilliseconds:0} ms";
        var isLeaderless = _host.Cluster.Leaders.Of(late[0]) is not { } leader
            || !_host.Cluster.Health.IsUp(leader);
        var why = isLeaderless
            ? $" has no leader: {_host.Cluster.WhyNoLeader(late[0])}"
            : " did not confirm the read";
        return $"{late.Length} of {_groupCount} partitions did not answer within "
            + $"{Call.Timeout.TotalMilliseconds:0} ms; {_host.Cluster.Directory.NameOf(late[0])}{why}";
    }
}
