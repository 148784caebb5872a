using System.Collections.Concurrent;
using Kvorum.Server.Listeners;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Access;

/// <summary>What one user may have of a node at a time, over all front ends.</summary>
internal sealed record UserBounds
{
    /// <summary>Connections, unless told otherwise: a quarter of what a front end has.</summary>
    public const int ConnectionsDefault = 1024;

    /// <summary>Requests, unless told otherwise: a sixth of what one loop has.</summary>
    public const int RequestsDefault = 16_384;

    /// <summary>Of the memory for all clients' traffic, unless told otherwise.</summary>
    public const int TrafficShareDefault = 4;

    /// <summary>Connections.</summary>
    public int ConnectionsMax { get; init; } = ConnectionsDefault;

    /// <summary>Requests under way.</summary>
    public int RequestsMax { get; init; } = RequestsDefault;

    /// <summary>Bytes of large requests, and as many of large replies.</summary>
    public long BytesMax { get; init; } = long.MaxValue / 2;
}

/// <summary>A user for whom places are counted.</summary>
/// <param name="IsSigned">
/// True if a signed token names it: a user of the cluster of the same name has nothing to do with it.
/// </param>
/// <param name="Name">The name.</param>
internal readonly record struct LimitedUser(bool IsSigned, string Name);

/// <summary>
/// Bounds what each user has of the node: connections, requests under way, and bytes. So one user that
/// misbehaves cannot take the node from the others. It counts users who are known while rights are enforced:
/// strangers are bounded by address (<see cref="Strangers"/>), and nodes are no users. Front ends ask by a
/// <see cref="ConnectionPlace"/>. Any thread.
/// </summary>
/// <param name="bounds">The bounds, the same for each user.</param>
/// <param name="lines">How often it is told that a user is at a bound.</param>
/// <param name="log">Where it is told.</param>
internal sealed class UserLimits(UserBounds bounds, SourceLines lines, ILogger log)
{
    private readonly ConcurrentDictionary<LimitedUser, UserPlaces> _users = new();
    private long _connectionsRefused;
    private long _requestsRefused;
    private long _piecesDelayed;

    /// <summary>The bounds.</summary>
    public UserBounds Bounds => bounds;

    /// <summary>Connections refused since the start, because their user had too many.</summary>
    public long ConnectionsRefused => Interlocked.Read(ref _connectionsRefused);

    /// <summary>Requests refused since the start, because their user had too many.</summary>
    public long RequestsRefused => Interlocked.Read(ref _requestsRefused);

    /// <summary>Large requests and replies that had to wait since the start for others of their user.
    /// </summary>
    public long PiecesDelayed => Interlocked.Read(ref _piecesDelayed);

    /// <summary>Users who have a connection or a request now.</summary>
    public int UserCount => _users.Count;

    /// <summary>What a user has now; null if that is nothing.</summary>
    public UserPlaces? Find(LimitedUser user) => _users.GetValueOrDefault(user);

    /// <summary>A place for one more connection of the user; null if there is none.</summary>
    /// <param name="user">The user.</param>
    /// <param name="all">All that the user has, whether there is a place or not.</param>
    public UserPlaces? Connect(LimitedUser user, out UserPlaces all)
    {
        while (true)
        {
            all = _users.GetOrAdd(user, static (user, limits) => new(limits, user), this);
            switch (all.TryConnect())
            {
                case PlaceAnswer.Taken:
                    return all;
                case PlaceAnswer.Full:
                    Interlocked.Increment(ref _connectionsRefused);
                    Tell(user, $"{bounds.ConnectionsMax} connections (--connections-per-user-max): further "
                        + "ones are closed");
                    return null;
                default:
                    // The last of its places is given back at this moment: it is made anew.
                    Forget(all);
                    break;
            }
        }
    }

    /// <summary>A request found no place.</summary>
    public void RequestRefused(LimitedUser user)
    {
        Interlocked.Increment(ref _requestsRefused);
        Tell(user, $"{bounds.RequestsMax} requests under way (--requests-per-user-max): further ones are "
            + "refused");
    }

    /// <summary>A large request or reply waits for what its user holds.</summary>
    public void PieceDelayed(LimitedUser user)
    {
        Interlocked.Increment(ref _piecesDelayed);
        Tell(user, $"{bounds.BytesMax} bytes of requests or of replies (--traffic-bytes-per-user-max): "
            + "further large ones wait");
    }

    /// <summary>The user has nothing any more.</summary>
    public void Forget(UserPlaces places) => _users.TryRemove(KeyValuePair.Create(places.User, places));

    private void Tell(LimitedUser user, string what)
    {
        var who = $"user '{ShownText.Of(user.Name)}'";
        if (lines.MayWrite(who, out var note))
            Log.UserAtBound(log, who, what, note);
    }
}
