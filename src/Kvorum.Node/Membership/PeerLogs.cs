using Kvorum.Node.Wire;
using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Membership;

/// <summary>
/// How far the log of each other member was durable, as it said itself, with all that it has promised; and
/// what this node says of its own. Remembered in this node's log: with batches that are written anyway, or
/// about a second later in one of its own. Any thread.
/// </summary>
internal sealed class PeerLogs
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<NodeId, RememberedMember> _members;

    // The lives in which each member was heard since this node has started.
    private readonly SortedDictionary<NodeId, List<ulong>> _heard = [];
    private readonly ByteWriter _room = new();

    // Of the own log. Each message of Raft reads them, without the lock.
    private ulong _ownLife;
    private ulong _ownDurable;
    private bool _isChanged;
    private long _writtenMs;

    public PeerLogs(NodeReplay found, ulong durable)
    {
        _members = new(found.Members.ToDictionary());
        Lives = found.Lives;
        Durable = durable;
    }

    /// <summary>The lives that were found in this node's log.</summary>
    public LogLives Lives { get; }

    /// <summary>The newest frame that was found in this node's log.</summary>
    public ulong Durable { get; }

    /// <summary>What was remembered at the start, or is by now.</summary>
    public IReadOnlyDictionary<NodeId, RememberedMember> Members
    {
        get
        {
            lock (_gate)
                return _members.ToDictionary();
        }
    }

    /// <summary>
    /// How far this node's log is durable with records of groups: what every message of Raft says. Life 0
    /// until the node's life is in its log.
    /// </summary>
    public LogReach Own => new(Volatile.Read(ref _ownLife), Volatile.Read(ref _ownDurable));

    /// <summary>This node's life is in its log.</summary>
    public void Begin(ulong life, ulong durable)
    {
        lock (_gate)
        {
            _ownDurable = durable;
            Volatile.Write(ref _ownLife, life);
        }
    }

    /// <summary>Records of groups are durable up to that frame.</summary>
    public void Reached(ulong durable)
    {
        lock (_gate)
        {
            if (_ownLife != 0 && durable > _ownDurable)
                Volatile.Write(ref _ownDurable, durable);
        }
    }

    /// <summary>
    /// A message of the member came, with how far its log is. False if it has not introduced itself in that
    /// life: then it must not be heard.
    /// </summary>
    public bool Heard(NodeId from, LogReach reach)
    {
        lock (_gate)
        {
            if (reach.Life == 0 || !_members.TryGetValue(from, out var member)
                || member.Log.Life != reach.Life)
                return false;
            if (reach.Sequence > member.Log.Sequence)
                Set(from, member with { Log = reach });
            return true;
        }
    }

    /// <summary>What is remembered of the member's log; null if nothing.</summary>
    public LogReach? Of(NodeId member)
    {
        lock (_gate)
            return _members.TryGetValue(member, out var known) && known.Log.Life != 0 ? known.Log : null;
    }

    /// <summary>The newest decision of an operator about its log that was heard of; 0: none.</summary>
    public ulong AcceptanceOf(NodeId member)
    {
        lock (_gate)
            return _members.GetValueOrDefault(member).Acceptance;
    }

    /// <summary>
    /// True if the member was heard in that life before the present one: what still comes of it is late.
    /// </summary>
    public bool IsFormer(NodeId member, ulong life)
    {
        lock (_gate)
        {
            return _heard.TryGetValue(member, out var lives) && lives.Contains(life)
                && _members[member].Log.Life != life;
        }
    }

    /// <summary>
    /// The member has introduced itself with a log that has all that is remembered of it. True if it was not
    /// heard in that life before.
    /// </summary>
    public bool Accept(NodeId member, in IncarnationHello hello)
    {
        var reach = hello.Reach;
        lock (_gate)
        {
            var known = _members.GetValueOrDefault(member);
            var isNew = known.Log.Life != reach.Life;
            if (isNew || reach.Sequence > known.Log.Sequence || known.Acceptance != hello.Acceptance)
                Set(member, new(hello.Incarnation, reach, hello.Acceptance));
            if (!_heard.TryGetValue(member, out var lives))
                _heard.Add(member, lives = []);
            if (!lives.Contains(reach.Life))
                lives.Add(reach.Life);
            if (lives.Count > Limits.PeerLivesMax)
                lives.RemoveAt(0);
            return isNew;
        }
    }

    /// <summary>
    /// Adds what is remembered to a batch that is written anyway, or to one of its own after a time; nothing
    /// if nothing has changed or the last time was just now.
    /// </summary>
    public bool AddIfDue(long nowMs, bool isWrittenAnyway, Func<LogBatch> batch)
    {
        lock (_gate)
        {
            var pause = isWrittenAnyway ? Limits.PeerLogsWithOthersMs : Limits.PeerLogsAloneMs;
            if (!_isChanged || nowMs - _writtenMs < pause)
                return false;
            (_isChanged, _writtenMs) = (false, nowMs);
            NodeRecords.Add(batch(), _members, _room);
            return true;
        }
    }

    private void Set(NodeId member, RememberedMember remembered)
    {
        _members[member] = remembered;
        _isChanged = true;
    }
}
