using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Scans;

/// <summary>
/// The pages that one loop puts together: a few at a time, the others wait their turn, so that memory stays
/// bounded however many scans there are. Owned by the loop.
/// </summary>
internal sealed class ScanTable(IScanHost host, ulong firstNumber, int loopCount, int loopIndex)
{
    private readonly List<PageScan> _pages = [];
    private readonly Queue<Call> _waiting = new();

    // Looked up by id, never walked.
    private readonly Dictionary<ulong, PageScan> _byQuestion = [];
    private ulong _asked = firstNumber;

    /// <summary>
    /// Takes a request for a page: first of all room for it. A first entry that is larger than the page is
    /// counted when it is there.
    /// </summary>
    public void Take(Call call)
    {
        var scan = (ScanRequest)call.Request;
        var bytes = scan.PageBytes == 0 ? Protocol.Limits.ScanPageBytesDefault : scan.PageBytes;
        if (bytes <= call.ValueBytesMax)
            Enter(call);
        else
            host.TakeReplyRoom(call, bytes, () => Enter(call));
    }

    private void Enter(Call call)
    {
        if (_pages.Count < Limits.ScanPagesPerLoop)
            Begin(call);
        else if (_waiting.Count < Limits.ScanPagesWaiting)
            _waiting.Enqueue(call);
        else
            host.Finish(call, new()
            {
                Status = ReplyStatus.Overloaded,
                Message = "too many scans are under way on this node: retry after a pause",
            });
    }

    /// <summary>An answer to a question of one of its pages; another's, or a late one, is dropped.</summary>
    public void Answered(PartialScanResult share)
    {
        if (_byQuestion.TryGetValue(share.Id, out var page))
            page.Answered(share);
    }

    /// <summary>The peer is lost, and the answers it owes with it.</summary>
    public void PeerLost(NodeId peer)
    {
        foreach (var page in _pages)
            page.PeerLost(peer);
    }

    /// <summary>Looks after deadlines and what must be asked again.</summary>
    public void Sweep(long nowMs)
    {
        foreach (var page in _pages.ToArray())
            page.Sweep(nowMs);
        for (var n = _waiting.Count; n > 0; n--)
        {
            var call = _waiting.Dequeue();
            if (!EndIfOver(call, nowMs))
                _waiting.Enqueue(call);
        }
    }

    /// <summary>A number for a question of a page.</summary>
    public ulong Register(PageScan page)
    {
        var id = (_asked++ * (ulong)loopCount) + (ulong)loopIndex;
        _byQuestion.Add(id, page);
        return id;
    }

    /// <summary>The question is answered, or its answer not wanted any more.</summary>
    public void Unregister(ulong id) => _byQuestion.Remove(id);

    /// <summary>The page is answered: the next may begin.</summary>
    public void Ended(PageScan page)
    {
        if (!_pages.Remove(page))
            return;
        while (_pages.Count < Limits.ScanPagesPerLoop && _waiting.TryDequeue(out var call))
        {
            if (!EndIfOver(call, host.NowMs))
                Begin(call);
        }
    }

    private void Begin(Call call)
    {
        var page = new PageScan(host, this, call);
        _pages.Add(page);
        page.Begin();
    }

    private bool EndIfOver(Call call, long nowMs)
    {
        if (!call.IsCancelled && nowMs < call.DeadlineMs)
            return false;
        host.Finish(call, call.IsCancelled
            ? new() { Status = ReplyStatus.Cancelled }
            : new()
            {
                Status = ReplyStatus.DeadlineExceeded,
                Message =
                    $"other scans took all of the {call.Timeout.TotalMilliseconds:0} ms",
            });
        return true;
    }
}
