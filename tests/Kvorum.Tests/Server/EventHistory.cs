using Kvorum.Node.Administration;
using Kvorum.Protocol;

using Limits = Kvorum.Node.Limits;

namespace Kvorum.Tests.Server;

/// <summary>
/// The events that doubles keep and tell as nodes do, and the questions that wait for more. Any thread.
/// </summary>
internal sealed class EventHistory
{
    public static readonly Guid Cluster = Guid.Parse("00000000-0000-0000-0000-0000000000cc");

    private readonly Lock _gate = new();
    private readonly List<(ShowEvents Asked, Action<AdminReply> Done)> _waiting = [];
    private readonly List<ClusterEvent> _kept = [];
    private ulong _last;
    private int _asked;

    /// <summary>No question is held for longer.</summary>
    public TimeSpan WaitMax { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Questions so far.</summary>
    public int Asked => Volatile.Read(ref _asked);

    /// <summary>Questions that wait now.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
                return _waiting.Count;
        }
    }

    /// <summary>So many things happen.</summary>
    public void Happen(int count = 1, string why = "drain")
    {
        List<(AdminReply Reply, Action<AdminReply> Done)> told = [];
        lock (_gate)
        {
            for (var n = 0; n < count; n++)
                _kept.Add(Event(++_last, why));
            _kept.RemoveRange(0, Math.Max(0, _kept.Count - Limits.ClusterEventsKept));
            _waiting.RemoveAll(one =>
            {
                var reply = EventTeller.News(one.Asked, [.. _kept], Cluster);
                if (reply is not null)
                    told.Add((reply, one.Done));
                return reply is not null;
            });
        }

        foreach (var (reply, done) in told)
            done(reply);
    }

    /// <summary>As a node.</summary>
    /// <param name="asked">The question.</param>
    /// <param name="done">Told of the answer, on any thread.</param>
    /// <param name="whyLate">Why this node may be late; it tells nothing then.</param>
    public void Answer(ShowEvents asked, Action<AdminReply> done, string whyLate = "")
    {
        AdminReply? reply;
        lock (_gate)
        {
            _asked++;
            ClusterEvent[] kept = whyLate.Length > 0 ? [.. _kept.Take(1)] : [.. _kept];
            reply = EventTeller.News(asked, kept, Cluster);
            if (reply is null && (asked.WaitMs == 0 || whyLate.Length > 0))
                reply = EventTeller.NoNews(kept, Cluster, whyLate);
            if (reply is null)
            {
                _waiting.Add((asked, done));
                _ = EndAsync(asked, done);
                return;
            }
        }

        done(reply);
    }

    private static ClusterEvent Event(ulong position, string why) => new()
    {
        Position = position,
        TimeMs = 1_700_000_000_000 + position,
        Kind = ClusterEventKind.PartitionChanged,
        Keyspace = KeyspaceName.Default,
        Partition = 3,
        Why = why,
        Before = ["node-1", "node-2"],
        After = ["node-2", "node-3"],
    };

    private async Task EndAsync(ShowEvents asked, Action<AdminReply> done)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(asked.WaitMs, WaitMax.TotalMilliseconds)));
        bool isOver;
        AdminReply reply;
        lock (_gate)
        {
            isOver = _waiting.Remove((asked, done));
            reply = EventTeller.NoNews([.. _kept], Cluster, "");
        }

        if (isOver)
            done(reply);
    }
}
