using System.Collections.Concurrent;
using Kvorum.Node.Budgets;

namespace Kvorum.Server.Access;

/// <summary>What became of the wish for a place.</summary>
internal enum PlaceAnswer
{
    /// <summary>The place is taken.</summary>
    Taken,

    /// <summary>The user has as many as may be.</summary>
    Full,

    /// <summary>The user has left; another object counts from now on.</summary>
    Gone,
}

/// <summary>
/// What one user has of the node now. Connections and requests are one number, so that it is seen in one step
/// that both are none: then it is forgotten, and counts nothing any more. Without a lock. Any thread.
/// </summary>
internal sealed class UserPlaces(UserLimits limits, LimitedUser user)
{
    /// <summary>
    /// Connections at once that are beyond the bound and hear why, before they are closed. Further ones are
    /// closed without a word.
    /// </summary>
    public const int TellingMax = 16;

    private const long Connection = 1L << 32;
    private const long Gone = long.MinValue;

    private readonly ConcurrentDictionary<ByteRoom, ByteOwner> _owners = new();
    private long _state; // connections, and in the lower half requests
    private int _telling;

    /// <summary>The user.</summary>
    public LimitedUser User => user;

    /// <summary>Connections that have a place.</summary>
    public int Connections => (int)(Math.Max(0, Volatile.Read(ref _state)) >> 32);

    /// <summary>Requests that have a place.</summary>
    public int Requests => (int)Math.Max(0, Volatile.Read(ref _state));

    /// <summary>Connections that hear at the moment that there is no place.</summary>
    public int Telling => Volatile.Read(ref _telling);

    /// <summary>A place for one more connection.</summary>
    public PlaceAnswer TryConnect() => Take(Connection);

    /// <summary>A place for one more request: some nanoseconds.</summary>
    public PlaceAnswer TryEnter() => Take(1);

    /// <summary>A connection that had a place has ended, or is another user's now.</summary>
    public void Disconnect() => Leave(Connection);

    /// <summary>A request that had a place has ended. Once.</summary>
    public void Leave() => Leave(1);

    /// <summary>A connection that has no place may hear so; false if many hear it at this moment.</summary>
    public bool TryTell()
    {
        if (Interlocked.Increment(ref _telling) <= TellingMax)
            return true;
        Interlocked.Decrement(ref _telling);
        return false;
    }

    /// <summary>It has heard it, and is closed.</summary>
    public void HasTold() => Interlocked.Decrement(ref _telling);

    /// <summary>What all of the user's connections hold of a room, within a part of the bound.</summary>
    public ByteOwner OwnerIn(ByteRoom room, int part = 1) => _owners.GetOrAdd(
        room, static (room, it) => new(room, it.BytesMax, it.Delayed),
        (BytesMax: limits.Bounds.BytesMax / part, Delayed: (Action)Delayed));

    private void Delayed() => limits.PieceDelayed(user);

    private PlaceAnswer Take(long place)
    {
        var now = Interlocked.Add(ref _state, place);
        if (now < 0)
        {
            Interlocked.Add(ref _state, -place);
            return PlaceAnswer.Gone;
        }

        var isWithin = place == Connection ? now >> 32 <= limits.Bounds.ConnectionsMax
            : (uint)now <= (uint)limits.Bounds.RequestsMax;
        if (isWithin)
            return PlaceAnswer.Taken;
        Leave(place);
        return PlaceAnswer.Full;
    }

    private void Leave(long place)
    {
        if (Interlocked.Add(ref _state, -place) == 0
            && Interlocked.CompareExchange(ref _state, Gone, 0) == 0)
            limits.Forget(this);
    }
}
