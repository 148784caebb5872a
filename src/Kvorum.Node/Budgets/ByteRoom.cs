namespace Kvorum.Node.Budgets;

/// <summary>How much a <see cref="ByteRoom"/> holds, and how it is divided.</summary>
public sealed record ByteRoomOptions
{
    /// <summary>Bytes of all shares together, beyond what each has free.</summary>
    public long BytesMax { get; init; } = 64 << 20;

    /// <summary>
    /// Bytes of one share. One piece of any size is let in where a share holds nothing else.
    /// </summary>
    public long ShareBytesMax { get; init; } = 8 << 20;

    /// <summary>
    /// Bytes that each share may hold without being counted, and the size up to which a piece is small.
    /// </summary>
    public long FreeBytes { get; init; } = 64 << 10;

    /// <summary>
    /// Pieces that may wait, of all shares together: each is a token of some hundred bytes.
    /// </summary>
    public int WaitersMax { get; init; } = 32_768;

    /// <summary>
    /// What a share must give back between two calls of <see cref="ByteRoom.Judge"/> while others wait.
    /// </summary>
    public long ProgressBytes { get; init; } = 320 << 10;
}

/// <summary>What became of the wish for room.</summary>
public enum RoomAnswer
{
    /// <summary>The room is taken.</summary>
    Taken,

    /// <summary>The waiter will be told.</summary>
    Waits,

    /// <summary>Too many wait already, or the share is closed.</summary>
    Refused,
}

/// <summary>
/// Admission by bytes: what the large things of all connections may take together, and of each its share.
/// Pieces are admitted before work is done for them; what finds no room waits as a small token. Small pieces
/// overtake large ones: the last eighth of the room is theirs alone, and a share's first bytes are free. Of
/// those that wait, shares take turns. Any thread; a lock is taken only beyond the free bytes.
/// </summary>
public sealed class ByteRoom(ByteRoomOptions options)
{
    private readonly LinkedList<ByteShare> _smallTurns = [];
    private readonly LinkedList<ByteShare> _largeTurns = [];
    private readonly LinkedList<ByteShare> _holders = [];
    private long _taken;
    private long _peak;
    private int _waiting;

    /// <summary>The bounds.</summary>
    public ByteRoomOptions Options => options;

    /// <summary>Bytes that shares hold beyond their free ones.</summary>
    public long Taken => Volatile.Read(ref _taken);

    /// <summary>The most that was taken since this was asked last.</summary>
    public long TakePeak()
    {
        lock (Gate)
        {
            var peak = _peak;
            _peak = _taken;
            return peak;
        }
    }

    /// <summary>Pieces that wait.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    internal Lock Gate { get; } = new();

    /// <summary>
    /// A share, of a connection. <paramref name="stalled"/> is called, on the thread that judges, when others
    /// wait for room and this one gives none back.
    /// </summary>
    public ByteShare Open(Action? stalled = null) => new(this, stalled);

    /// <summary>
    /// While pieces wait for room, the shares that have given back too little of theirs since the last call
    /// are told so, and so are those of an owner whose shares wait for its bound: to be called every few
    /// seconds.
    /// </summary>
    public void Judge()
    {
        List<ByteShare> stalled = [];
        lock (Gate)
        {
            var isPressed = _smallTurns.Count + _largeTurns.Count > 0;
            foreach (var share in _holders)
            {
                if (share.Judge(options.ProgressBytes) && (isPressed || share.IsInOwnersWay))
                    stalled.Add(share);
            }
        }

        foreach (var share in stalled)
            share.Stalled?.Invoke();
    }

    // All below: under the gate.

    /// <summary>The share holds so much more of the counted bytes, or less.</summary>
    internal void Count(ByteShare share, long before, long after)
    {
        Volatile.Write(ref _taken, _taken + after - before);
        _peak = Math.Max(_peak, _taken);
        if (before == 0)
            share.Place = _holders.AddLast(share);
        else if (after == 0)
            _holders.Remove(share.Place!);
    }

    /// <summary>True if so many more counted bytes may be taken now, and none waits longer.</summary>
    internal bool HasRoom(long counted, bool isSmall) =>
        (isSmall ? _smallTurns : _largeTurns).Count == 0 && Fits(counted, isSmall);

    internal bool TryQueue()
    {
        if (_waiting >= options.WaitersMax)
            return false;
        Volatile.Write(ref _waiting, _waiting + 1);
        return true;
    }

    internal void Unqueue(int count) => Volatile.Write(ref _waiting, _waiting - count);

    internal LinkedList<ByteShare> Turns(bool isSmall) => isSmall ? _smallTurns : _largeTurns;

    /// <summary>
    /// Lets in those that wait, as far as there is room; they are to be told outside the gate.
    /// </summary>
    internal List<RoomWaiter>? Serve()
    {
        List<RoomWaiter>? granted = null;
        foreach (var isSmall in (ReadOnlySpan<bool>)[true, false])
        {
            var turns = Turns(isSmall);
            while (turns.First is { Value: var share })
            {
                if (!share.MayBeGranted(isSmall))
                    share.LeaveTurn(isSmall);
                else if (share.TryGrant(isSmall) is { } waiter)
                    (granted ??= []).Add(waiter);
                else
                    break;
            }
        }

        return granted;
    }

    internal static void Tell(List<RoomWaiter>? granted)
    {
        foreach (var waiter in granted ?? [])
            waiter.Granted();
    }

    /// <summary>True if so many more counted bytes may be taken, although others wait.</summary>
    internal bool Fits(long counted, bool isSmall) =>
        _taken == 0 || _taken + counted <= (isSmall ? options.BytesMax : options.BytesMax / 8 * 7);
}
