using Kvorum.Node.Budgets;
using Kvorum.Protocol;

namespace Kvorum.Server.Access;

/// <summary>Why a user gets no place.</summary>
/// <param name="Reply">As a request would be refused.</param>
/// <param name="EndsConnection">True if it is the connection that has none: it is closed.</param>
/// <param name="IsTold">False if it is closed at once, without a word.</param>
internal sealed record UserRefusal(Reply Reply, bool EndsConnection, bool IsTold);

/// <summary>
/// One connection's place among those of its user, in every front end that knows callers. It counts for the
/// user who has asked on it last, as soon as that is known; until then it is a stranger's. Closing it gives
/// the place back. Any thread.
/// </summary>
/// <param name="limits">Where users are counted.</param>
/// <param name="replies">What its replies hold.</param>
/// <param name="requests">What its requests hold.</param>
/// <param name="begun">What has come of requests that wait to be admitted; null if that is not apart.</param>
/// <param name="ended">
/// Told of a request that is refused because the connection has no place, so that it is closed; null where
/// whoever asks sees to that.
/// </param>
internal sealed class ConnectionPlace(
    UserLimits limits, ByteShare replies, ByteShare requests, ByteShare? begun = null,
    Action<UserRefusal>? ended = null) : IDisposable
{
    // Of the room for what has come of requests that wait: a quarter, as that room is smaller.
    private const int BegunPart = 4;

    private readonly Lock _gate = new();
    private volatile UserPlaces? _places;
    private UserPlaces? _telling;
    private bool _isClosed;

    /// <summary>Places of the user that it counts for; null: it counts for no user.</summary>
    public UserPlaces? Places => _places;

    /// <summary>
    /// The connection itself, before its caller asks for anything. Null if it has its place, or needs none.
    /// </summary>
    public UserRefusal? Connect(CallersNode caller) =>
        caller.LimitedUser is { } user && _places?.User != user ? Move(user) : null;

    /// <summary>
    /// A request of that caller. Null if it may go on: then it is to leave <paramref name="entered"/> once it
    /// has ended, which is null where nothing is counted. Some nanoseconds, and no lock.
    /// </summary>
    public UserRefusal? Enter(CallersNode caller, out UserPlaces? entered)
    {
        entered = null;
        if (caller.LimitedUser is not { } user)
            return null;
        while (true)
        {
            if (_places is not { } places || places.User != user)
            {
                if (Move(user) is not { } refused)
                    continue;
                if (refused.EndsConnection)
                    ended?.Invoke(refused);
                return refused;
            }

            switch (places.TryEnter())
            {
                case PlaceAnswer.Taken:
                    entered = places;
                    return null;
                case PlaceAnswer.Full:
                    limits.RequestRefused(user);
                    return new(
                        Of($"user '{user.Name}' has {limits.Bounds.RequestsMax} requests under way at this "
                            + "node, which is the most (--requests-per-user-max); nothing was done: retry "
                            + "when some are answered, or ask another node"),
                        EndsConnection: false, IsTold: true);
            }

            // It has become another's meanwhile.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _isClosed = true;
            _places?.Disconnect();
            _places = null;
            _telling?.HasTold();
            _telling = null;
        }
    }

    private UserRefusal? Move(LimitedUser user)
    {
        lock (_gate)
        {
            if (_isClosed)
                return new(Of("the connection is closed"), EndsConnection: true, IsTold: false);
            if (_places?.User == user)
                return null;
            if (limits.Connect(user, out var all) is not { } places)
                return Refused(all);
            _places?.Disconnect();
            _places = places;
            replies.BelongTo(places.OwnerIn(replies.Room));
            requests.BelongTo(places.OwnerIn(requests.Room));
            begun?.BelongTo(places.OwnerIn(begun.Room, BegunPart));
            _telling?.HasTold();
            _telling = null;
            return null;
        }
    }

    private UserRefusal Refused(UserPlaces all)
    {
        // What counts for another user already goes on: that one must not suffer.
        var ends = _places is null;
        if (ends && _telling is null && all.TryTell())
            _telling = all;
        return new(
            Of($"user '{all.User.Name}' has {limits.Bounds.ConnectionsMax} connections to this node, which "
                + "is the most (--connections-per-user-max), and none is left for this one; nothing was "
                + "done: close those that are not needed, and retry, or connect to another node"),
            ends, IsTold: !ends || _telling is not null);
    }

    private static Reply Of(string message) => new() { Status = ReplyStatus.Overloaded, Message = message };
}
