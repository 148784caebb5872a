namespace Kvorum.Node.Budgets;

/// <summary>
/// What all shares of one owner, such as a user's connections, may hold of a <see cref="ByteRoom"/> together,
/// beyond what each share has free. What is over the bound waits for the owner's own shares to give back, and
/// holds up no other owner: it has no place in the room's turns. One piece of any size is let in where the
/// owner holds nothing else. Of pieces of a size, the owner's shares take turns.
/// </summary>
/// <param name="room">The room.</param>
/// <param name="bytesMax">The bound.</param>
/// <param name="atBound">
/// Called, on the thread that asks for room, each time when a piece waits because of the bound.
/// </param>
public sealed class ByteOwner(ByteRoom room, long bytesMax, Action? atBound = null)
{
    private readonly LinkedList<ByteShare> _smallLine = [];
    private readonly LinkedList<ByteShare> _largeLine = [];
    private long _counted;

    /// <summary>Bytes that its shares hold beyond their free ones.</summary>
    public long Counted => Volatile.Read(ref _counted);

    internal ByteRoom Room => room;

    /// <summary>True while shares wait for the bound.</summary>
    internal bool IsPressed => _smallLine.Count + _largeLine.Count > 0;

    internal void TellAtBound() => atBound?.Invoke();

    // All below: under the room's gate.

    /// <summary>Shares whose first piece of this size waits for the owner's bound.</summary>
    internal LinkedList<ByteShare> Line(bool isSmall) => isSmall ? _smallLine : _largeLine;

    /// <summary>True if so many more counted bytes are within the bound.</summary>
    internal bool MayHold(long more) => more <= 0 || _counted == 0 || _counted + more <= bytesMax;

    internal void Count(long more) => Volatile.Write(ref _counted, _counted + more);

    /// <summary>
    /// Lets the first share of each line take its turn in the room, if the bound allows it now. The next one
    /// follows when that one was let in, so that a line costs nothing while it stands.
    /// </summary>
    internal void Advance()
    {
        foreach (var isSmall in (ReadOnlySpan<bool>)[true, false])
            Advance(isSmall);
    }

    /// <summary>The same for one size.</summary>
    internal void Advance(bool isSmall)
    {
        while (Line(isSmall).First is { Value: var share } && !share.WaitsForOwner(isSmall))
        {
            share.LeaveLine(isSmall);
            if (share.TakeTurn(isSmall, fromLine: true))
                return;
        }
    }
}
