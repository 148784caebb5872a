using Grpc.Core;
using Kvorum.Node;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Kvorum.Server.Access;

/// <summary>
/// Who asks over a web server's connection, and its place among those of its user: a feature of the
/// connection, and so of its requests. Most requests of a connection come from the same caller, which is
/// kept.
/// </summary>
internal sealed class ConnectionCallers : IDisposable
{
    private const string Scheme = "Bearer ";

    // So long may a client take to hear that its user has too many connections.
    private static readonly TimeSpan TellingTime = TimeSpan.FromSeconds(1);

    private readonly ConnectionContext _connection;
    private readonly ConnectionIdentity _identity;
    private readonly ConnectionPlace? _place;
    private volatile Kept? _last;
    private int _isEnding;

    private ConnectionCallers(ConnectionContext connection, NodeDoor? door, ConnectionTraffic traffic)
    {
        _connection = connection;
        _identity = connection.Features.Get<ConnectionIdentity>() ?? ConnectionIdentity.Plain;
        _place = door is null ? null
            : new(door.Users, traffic.Replies, traffic.Requests, traffic.Begun, Refused);
    }

    private sealed record Kept(NodeDoor Door, string? Token, CallersNode Node);

    /// <summary>
    /// For the requests of a connection, to be closed with it; null, and it is closed, if it is one too many
    /// of its user. Who has a certificate is known before the first request.
    /// </summary>
    /// <param name="connection">The connection.</param>
    /// <param name="node">Who knows the callers; no door where none are known.</param>
    /// <param name="traffic">What the connection holds.</param>
    public static ConnectionCallers? Open(
        ConnectionContext connection, INode? node, ConnectionTraffic traffic)
    {
        var door = node as NodeDoor;
        var callers = new ConnectionCallers(connection, door, traffic);
        connection.Features.Set(callers);
        if (door is null || callers._identity.Name is null
            || callers._place!.Connect(callers.For(door, (string?)null)) is not { } refused)
            return callers;
        if (refused.IsTold)
        {
            // The first request hears why.
            callers.EndSoon();
            return callers;
        }

        callers.Dispose();
        connection.Abort(new(refused.Reply.Message));
        return null;
    }

    /// <summary>The node as the caller of the request may use it.</summary>
    public static INode Of(INode node, HttpContext http) => node is NodeDoor door
        && http.Features.Get<ConnectionCallers>() is { } callers ? callers.For(door, http.Request) : node;

    /// <inheritdoc/>
    public void Dispose() => _place?.Dispose();

    private CallersNode For(NodeDoor door, HttpRequest request) =>
        For(door, TokenOf(request.Headers.Authorization));

    private CallersNode For(NodeDoor door, string? token)
    {
        if (_last is { } last && ReferenceEquals(last.Door, door) && last.Token == token)
            return last.Node;
        var found = door.For(_identity, token, _connection.RemoteEndPoint, _place);
        _last = new(door, token, found);
        return found;
    }

    // A request hears why, and the connection ends behind it.
    private void Refused(UserRefusal refused)
    {
        if (!refused.IsTold)
        {
            _connection.Abort(new(refused.Reply.Message));
            return;
        }

        _connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
        EndSoon();
    }

    private void EndSoon()
    {
        if (Interlocked.Exchange(ref _isEnding, 1) == 0)
            _ = EndAsync();
    }

    // Whether or not the client goes on asking, or asks at all.
    private async Task EndAsync()
    {
        await Task.Delay(TellingTime).ConfigureAwait(false);
        if (_place!.Places is null)
            _connection.Abort(new("its user has too many connections"));
        Volatile.Write(ref _isEnding, 0);
    }

    // What is there and no token is a token that nobody has.
    private static string? TokenOf(StringValues header) => header.Count == 0 ? null
        : header is [{ } one] && one.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            ? one[Scheme.Length..].Trim() : "";
}

/// <summary>The node as the caller of a request may use it.</summary>
internal static class CallersExtensions
{
    /// <summary>For a call of gRPC.</summary>
    public static INode For(this INode node, ServerCallContext context) =>
        ConnectionCallers.Of(node, context.GetHttpContext());

    /// <summary>For a request of HTTP.</summary>
    public static INode For(this INode node, HttpContext http) => ConnectionCallers.Of(node, http);
}
