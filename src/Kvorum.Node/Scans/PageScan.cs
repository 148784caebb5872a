using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Scans;

/// <summary>
/// One page of a scan on the node that was asked: each group's source names the nodes that are asked for its
/// part, again and elsewhere until nothing is missing or the time is up, and the shares are merged. Owned by
/// one loop.
/// </summary>
internal sealed class PageScan
{
    private readonly IScanHost _host;
    private readonly ScanTable _table;
    private readonly ScanRequest _scan;
    private readonly ScanSpec _order;
    private readonly SortedDictionary<GroupId, IPartitionSource> _sources = [];
    private readonly SortedDictionary<ulong, Question> _asked = [];
    private readonly List<PartialScanResult> _shares = [];
    private readonly SortedSet<string> _givers = new(StringComparer.Ordinal);
    private readonly long? _recordTimeMs;
    private long _patienceMs = Limits.ScanShareTimeoutMs;

    public PageScan(IScanHost host, ScanTable table, Call call)
    {
        (_host, _table, Call) = (host, table, call);
        _scan = (ScanRequest)call.Request;
        _order = ScanSpec.Of(_scan);
        foreach (var source in host.SourcesOf(_scan))
            _sources.Add(source.Group, source);
        if (_sources.Values.Any(static source => source.HasRecords))
            _recordTimeMs = host.RecordTimeMs;
    }

    /// <summary>What a node was asked, with the placement of each group as it was known then.</summary>
    private sealed record Question(
        NodeId To, SortedDictionary<GroupId, Epoch> Groups, long StartMs, long EndMs)
    {
        public AskedNode Of(GroupId group) => new(To, Groups[group]);
    }

    public Call Call { get; }

    public void Begin()
    {
        if (_order.Range.IsEmpty || _sources.Count == 0)
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
            || !share.Groups.All(question.Groups.ContainsKey)
            || !share.Refused.All(refused => question.Groups.ContainsKey(refused.Group))
            || share.HasRecords != _recordTimeMs.HasValue)
            return;
        if (share.Error.Length > 0)
        {
            Fail(share.IsUnavailable ? ReplyStatus.Unavailable : ReplyStatus.Internal, share.Error);
            return;
        }

        if (share.Groups.Length > 0)
        {
            _shares.Add(share);
            _givers.Add(_host.Cluster.Members.NameOf(question.To));
        }

        foreach (var group in share.Groups)
        {
            _sources[group].Answered(question.Of(group));
            question.Groups.Remove(group);
        }

        foreach (var refused in share.Refused)
        {
            _sources[refused.Group].Refused(question.Of(refused.Group), refused);
            question.Groups.Remove(refused.Group);
        }

        if (question.Groups.Count == 0)
            Forget(share.Id);
        if (_sources.Values.All(static source => source.IsThere))
            Merge();
        else if (share.Refused.Length > 0)
            Ask();
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
        foreach (var question in _asked.Values)
        {
            if (nowMs - question.StartMs < Limits.SlowShareMs)
                continue;
            foreach (var group in question.Groups.Keys)
                _sources[group].IsSlow(question.Of(group));
        }

        foreach (var source in _sources.Values)
            source.Rested();
        Ask();
    }

    /// <summary>The peer is lost, and the answers it owes with it.</summary>
    public void PeerLost(NodeId peer) => TakeBack(question => question.To == peer, isLate: false);

    private void Ask()
    {
        var perNode = new SortedDictionary<NodeId, SortedDictionary<GroupId, Epoch>>();
        foreach (var source in _sources.Values)
        {
            foreach (var (node, epoch) in source.Next())
            {
                if (!perNode.TryGetValue(node, out var groups))
                    perNode.Add(node, groups = []);
                groups.Add(source.Group, epoch);
            }

            if (source.Failure is not { } failure)
                continue;
            Fail(ReplyStatus.Unavailable, failure);
            return;
        }

        foreach (var (node, groups) in perNode)
        {
            var timeoutMs = Math.Clamp(Call.DeadlineMs - _host.NowMs, 1, _patienceMs);
            var id = _table.Register(this);
            _asked.Add(id, new(node, groups, _host.NowMs, _host.NowMs + timeoutMs));
            AskedGroup[] asked = [.. groups.Select(static one => new AskedGroup(one.Key, one.Value))];
            _host.Ask(node, new(id, (uint)timeoutMs, _order, (uint)_sources.Count, asked)
            {
                RecordTimeMs = _recordTimeMs,
            });
        }
    }

    private void TakeBack(Func<Question, bool> condition, bool isLate)
    {
        foreach (var (id, question) in _asked.Where(asked => condition(asked.Value)).ToArray())
        {
            foreach (var group in question.Groups.Keys)
                _sources[group].TakenBack(question.Of(group));
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

    private void ForgetAll()
    {
        foreach (var id in _asked.Keys)
            _table.Unregister(id);
        _asked.Clear();
    }

    // What else was asked is not waited for, and must not come while a job reads the shares.
    private void Merge()
    {
        ForgetAll();
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
        Mode = Mode,
        Receipt = _scan.WantsReceipt ? _sources.Values.FirstOrDefault()?.Receipt([.. _givers]) : null,
    });

    private ReplicationMode Mode =>
        _recordTimeMs is null ? ReplicationMode.Strong : ReplicationMode.Quorum;

    private void Fail(ReplyStatus status, string message) =>
        End(new() { Status = status, Message = message, Epoch = _host.Cluster.Epoch, Mode = Mode });

    private void End(Reply reply)
    {
        ForgetAll();
        _host.Finish(Call, reply);
        _table.Ended(this);
    }

    private string WhyLate()
    {
        var late = _sources.Values.Where(static source => !source.IsThere).ToArray();
        if (late.Length == 0)
            return $"the page was not put together within {Call.Timeout.TotalMilliseconds:0} ms";
        return $"{late.Length} of {_sources.Count} partitions did not answer within "
            + $"{Call.Timeout.TotalMilliseconds:0} ms; {_host.Cluster.Directory.NameOf(late[0].Group)}"
            + late[0].WhyLate();
    }
}
