using Grpc.Core;
using Kvorum.Node;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Kvorum.Server.Access;

/// <summary>
/// Who asks over a web server's connection: a feature of the connection, and so of its requests. Most
/// requests of a connection come from the same caller, which is kept.
/// </summary>
internal sealed class ConnectionCallers(ConnectionContext connection)
{
    private const string Scheme = "Bearer ";

    private readonly ConnectionIdentity _identity =
        connection.Features.Get<ConnectionIdentity>() ?? ConnectionIdentity.Plain;

    private volatile Kept? _last;

    private sealed record Kept(NodeDoor Door, string? Token, CallersNode Node);

    /// <summary>For the requests of a connection.</summary>
    public static void Open(ConnectionContext connection) =>
        connection.Features.Set(new ConnectionCallers(connection));

    /// <summary>The node as the caller of the request may use it.</summary>
    public static INode Of(INode node, HttpContext http) => node is NodeDoor door
        && http.Features.Get<ConnectionCallers>() is { } callers ? callers.For(door, http.Request) : node;

    private CallersNode For(NodeDoor door, HttpRequest request)
    {
        var token = TokenOf(request.Headers.Authorization);
        if (_last is { } last && ReferenceEquals(last.Door, door) && last.Token == token)
            return last.Node;
        var found = door.For(_identity, token, connection.RemoteEndPoint);
        _last = new(door, token, found);
        return found;
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
