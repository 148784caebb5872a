namespace Kvorum.Node.Budgets;

/// <summary>
/// What one connection holds of a <see cref="ByteRoom"/>. Closing it gives everything back, whatever its
/// holder still thinks it has. Any thread.
/// </summary>
/// <remarks>
/// <see cref="_used"/> changes without a lock. What of it goes beyond the free bytes is counted in the room
/// under the room's lock, by whichever thread sees that it differs from what is counted.
/// </remarks>
public sealed class ByteShare : IDisposable
{
    private readonly ByteRoom _room;
    private readonly LinkedList<RoomWaiter> _small = [];
    private readonly LinkedList<RoomWaiter> _large = [];
    private LinkedListNode<ByteShare>? _smallTurn;
    private LinkedListNode<ByteShare>? _largeTurn;
    private LinkedListNode<ByteShare>? _smallLine;
    private LinkedListNode<ByteShare>? _largeLine;
    private ByteOwner? _owner;
    private long _used;
    private long _counted;
    private long _givenSinceJudged;
    private long _countedWhenJudged;
    private bool _isClosed;

    internal ByteShare(ByteRoom room, Action? stalled) => (_room, Stalled) = (room, stalled);

    /// <summary>Of which it holds.</summary>
    public ByteRoom Room => _room;

    /// <summary>Bytes held, free ones included.</summary>
    public long Used => Volatile.Read(ref _used);

    /// <summary>Bytes that may be taken at once, without asking the room.</summary>
    public long FreeLeft => Math.Max(0, _room.Options.FreeBytes - Used);

    /// <summary>The size up to which a piece is small.</summary>
    public long SmallBytesMax => _room.Options.FreeBytes;

    /// <summary>True once it is closed.</summary>
    public bool IsClosed => Volatile.Read(ref _isClosed);

    internal Action? Stalled { get; }

    internal LinkedListNode<ByteShare>? Place { get; set; }

    /// <summary>Takes room at once; false if there is none, or others wait for it.</summary>
    public bool TryTake(long bytes) => Take(bytes, null) == RoomAnswer.Taken;

    /// <summary>
    /// Takes room at once, or lets <paramref name="waiter"/> wait for it; null for one that does not wait.
    /// </summary>
    public RoomAnswer Take(long bytes, RoomWaiter? waiter)
    {
        if (Interlocked.Add(ref _used, bytes) <= _room.Options.FreeBytes)
            return RoomAnswer.Taken;
        List<RoomWaiter>? granted;
        RoomAnswer answer;
        ByteOwner? inLineOf;
        lock (_room.Gate)
        {
            if (!_isClosed && IsFirst(bytes) && MayHold(bytes, _used) && IsOwnersFirst(bytes)
                && _room.HasRoom(CountedOf(_used) - _counted, IsSmall(bytes)))
            {
                Recount();
                return RoomAnswer.Taken;
            }

            // Another thread may have counted them meanwhile, and have let no waiter in because of them.
            Interlocked.Add(ref _used, -bytes);
            Recount();
            answer = waiter is not null && TryQueue(waiter, bytes) ? RoomAnswer.Waits : RoomAnswer.Refused;
            granted = TakeTurnsAndServe();
            if (waiter is not null && granted?.Remove(waiter) == true)
                answer = RoomAnswer.Taken;
            inLineOf = answer == RoomAnswer.Waits && LineOf(IsSmall(bytes)) is not null ? _owner : null;
        }

        ByteRoom.Tell(granted);
        inLineOf?.TellAtBound();
        return answer;
    }

    /// <summary>
    /// From now on what it holds counts for that owner, too, and for no other; null for none.
    /// </summary>
    public void BelongTo(ByteOwner? owner)
    {
        if (owner is not null && owner.Room != _room)
            throw new ArgumentException("The owner has another room.", nameof(owner));
        List<RoomWaiter>? granted;
        lock (_room.Gate)
        {
            if (_isClosed || _owner == owner)
                return;
            var before = _owner;
            LeaveLines();
            before?.Count(-_counted);
            _owner = owner;
            owner?.Count(_counted);
            before?.Advance();
            granted = TakeTurnsAndServe();
        }

        ByteRoom.Tell(granted);
    }

    /// <summary>
    /// Holds so much more, whether there is room or not: what is there already can only be counted.
    /// </summary>
    public void Charge(long bytes)
    {
        if (Interlocked.Add(ref _used, bytes) <= _room.Options.FreeBytes)
            return;
        lock (_room.Gate)
            Recount();
    }

    /// <summary>Holds so much less.</summary>
    public void Give(long bytes)
    {
        if (bytes == 0)
            return;
        Interlocked.Add(ref _used, -bytes);
        if (Volatile.Read(ref _counted) == 0)
            return;
        List<RoomWaiter>? granted;
        lock (_room.Gate)
        {
            _givenSinceJudged += bytes;
            Recount();
            granted = TakeTurnsAndServe();
        }

        ByteRoom.Tell(granted);
    }

    /// <summary>The client has taken so much of what is held: it is not stalled.</summary>
    public void Progress(long bytes)
    {
        if (Volatile.Read(ref _counted) == 0)
            return;
        lock (_room.Gate)
            _givenSinceJudged += bytes;
    }

    /// <summary>
    /// Takes the waiter out of the queue; false if it is not there: it was granted, or refused.
    /// </summary>
    public bool Cancel(RoomWaiter waiter)
    {
        List<RoomWaiter>? granted;
        lock (_room.Gate)
        {
            if (waiter.Place is not { } place)
                return false;
            place.List!.Remove(place);
            waiter.Place = null;
            _room.Unqueue(1);
            LeaveIdleTurns();
            granted = TakeTurnsAndServe();
        }

        ByteRoom.Tell(granted);
        return true;
    }

    /// <summary>Gives everything back and refuses those that wait. What is given later is ignored.</summary>
    public void Dispose()
    {
        List<RoomWaiter>? granted;
        List<RoomWaiter> refused;
        lock (_room.Gate)
        {
            if (_isClosed)
                return;
            refused = [.. _small, .. _large];
            foreach (var waiter in refused)
                waiter.Place = null;
            _small.Clear();
            _large.Clear();
            _room.Unqueue(refused.Count);
            LeaveIdleTurns();
            LeaveLines();
            Recount(closing: true);
            _owner?.Advance();
            granted = _room.Serve();
        }

        foreach (var waiter in refused)
            waiter.Refused();
        ByteRoom.Tell(granted);
    }

    // All below: under the gate.

    /// <summary>True if too little was given back of what was held when it was judged last.</summary>
    internal bool Judge(long progressBytes)
    {
        var isStalled = _givenSinceJudged < Math.Min(_countedWhenJudged, progressBytes);
        (_countedWhenJudged, _givenSinceJudged) = (_counted, 0);
        return isStalled;
    }

    /// <summary>True if other shares of the owner wait for what this one and others hold.</summary>
    internal bool IsInOwnersWay => _owner is { IsPressed: true };

    /// <summary>True if a piece of this size waits, and its own bound lets it in.</summary>
    internal bool MayBeGranted(bool isSmall) => (isSmall ? _small : _large).First is { Value: var first }
        && MayHold(first.Bytes, _used + first.Bytes);

    /// <summary>True if a piece of this size waits for nothing but the owner's bound.</summary>
    internal bool WaitsForOwner(bool isSmall) => (isSmall ? _small : _large).First is { Value: var first }
        && MayShareHold(first.Bytes, _used + first.Bytes) && !MayOwnerHold(_used + first.Bytes);

    /// <summary>
    /// Lets its first waiter of this size in; then others have their turn. Null for no room.
    /// </summary>
    internal RoomWaiter? TryGrant(bool isSmall)
    {
        var queue = isSmall ? _small : _large;
        var waiter = queue.First!.Value;
        if (!_room.Fits(CountedOf(_used + waiter.Bytes) - _counted, isSmall))
            return null;
        queue.RemoveFirst();
        waiter.Place = null;
        _room.Unqueue(1);
        Interlocked.Add(ref _used, waiter.Bytes);
        Recount();
        LeaveTurn(isSmall);
        TakeTurn(isSmall);
        _owner?.Advance(isSmall);
        LeaveIdleTurns();
        return waiter;
    }

    private List<RoomWaiter>? TakeTurnsAndServe()
    {
        TakeTurn(isSmall: true);
        TakeTurn(isSmall: false);
        _owner?.Advance();
        return _room.Serve();
    }

    /// <summary>
    /// In the room's queue, if one of its waiters fits its own bound and the owner's: true if it is there.
    /// If that one waits for the owner, or other shares of the owner wait longer, it is in the owner's line.
    /// </summary>
    internal bool TakeTurn(bool isSmall, bool fromLine = false)
    {
        ref var turn = ref (isSmall ? ref _smallTurn : ref _largeTurn);
        if (turn is not null)
            return true;
        var mayBeGranted = MayBeGranted(isSmall);
        if (mayBeGranted && (fromLine || _owner is null || _owner.Line(isSmall).Count == 0))
        {
            turn = _room.Turns(isSmall).AddLast(this);
            return true;
        }

        if (mayBeGranted || WaitsForOwner(isSmall))
            JoinLine(isSmall);
        return false;
    }

    /// <summary>It is not in the room's queue any more.</summary>
    internal void LeaveTurn(bool isSmall)
    {
        ref var turn = ref (isSmall ? ref _smallTurn : ref _largeTurn);
        if (turn is not null)
            _room.Turns(isSmall).Remove(turn);
        turn = null;
        if (WaitsForOwner(isSmall))
            JoinLine(isSmall);
    }

    /// <summary>It is not in the owner's line any more.</summary>
    internal void LeaveLine(bool isSmall)
    {
        ref var line = ref LineOf(isSmall);
        if (line is not null)
            _owner!.Line(isSmall).Remove(line);
        line = null;
    }

    private void JoinLine(bool isSmall)
    {
        ref var line = ref LineOf(isSmall);
        line ??= _owner!.Line(isSmall).AddLast(this);
    }

    private void LeaveLines()
    {
        LeaveLine(isSmall: true);
        LeaveLine(isSmall: false);
    }

    private ref LinkedListNode<ByteShare>? LineOf(bool isSmall) =>
        ref (isSmall ? ref _smallLine : ref _largeLine);

    private void LeaveIdleTurns()
    {
        foreach (var isSmall in (ReadOnlySpan<bool>)[true, false])
        {
            if (!MayBeGranted(isSmall))
                LeaveTurn(isSmall);
        }
    }

    private bool TryQueue(RoomWaiter waiter, long bytes)
    {
        if (_isClosed || !_room.TryQueue())
            return false;
        waiter.Bytes = bytes;
        waiter.Place = QueueOf(bytes).AddLast(waiter);
        return true;
    }

    private bool MayHold(long more, long used) => MayShareHold(more, used) && MayOwnerHold(used);

    private bool MayOwnerHold(long used) => _owner?.MayHold(CountedOf(used) - _counted) ?? true;

    // No other share of the owner waits longer.
    private bool IsOwnersFirst(long bytes) => _owner is null || _owner.Line(IsSmall(bytes)).Count == 0;

    private bool MayShareHold(long more, long used) =>
        _counted == 0 || used <= _room.Options.ShareBytesMax + (IsSmall(more) ? _room.Options.FreeBytes : 0);

    private bool IsFirst(long bytes) => QueueOf(bytes).Count == 0;

    private bool IsSmall(long bytes) => bytes <= _room.Options.FreeBytes;

    private LinkedList<RoomWaiter> QueueOf(long bytes) => IsSmall(bytes) ? _small : _large;

    private long CountedOf(long used) => Math.Max(0, used - _room.Options.FreeBytes);

    /// <summary>
    /// Counts what is held. A thread that gives without the lock, because it saw nothing counted, was either
    /// before the last look at what is used, or has seen what is counted.
    /// </summary>
    private void Recount(bool closing = false)
    {
        if (_isClosed)
            return;
        Volatile.Write(ref _isClosed, closing);
        long counted;
        do
        {
            counted = closing ? 0 : CountedOf(Volatile.Read(ref _used));
            if (counted != _counted)
            {
                _room.Count(this, _counted, counted);
                _owner?.Count(counted - _counted);
            }

            Volatile.Write(ref _counted, counted);
            Interlocked.MemoryBarrier();
        }
        while (!closing && counted != CountedOf(Volatile.Read(ref _used)));
    }
}
