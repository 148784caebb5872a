namespace Kvorum.Node.Budgets;

/// <summary>
/// Waits for room in a <see cref="ByteShare"/>: told once, on any thread, never under a lock of the room.
/// </summary>
public abstract class RoomWaiter
{
    /// <summary>Bytes that it waits for.</summary>
    public long Bytes { get; internal set; }

    internal LinkedListNode<RoomWaiter>? Place { get; set; }

    /// <summary>The room is taken for it. Must not block.</summary>
    public abstract void Granted();

    /// <summary>The share was closed: there will be no room. Must not block.</summary>
    public abstract void Refused();
}
