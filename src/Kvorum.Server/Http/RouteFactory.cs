using Kvorum.Node;
using Microsoft.AspNetCore.Http;

namespace Kvorum.Server.Http;

/// <summary>Makes a route's handler run on an <see cref="HttpExchange"/>.</summary>
internal sealed class RouteFactory(INode node, HttpOptions options)
{
    /// <summary>The methods of a route that reads: HEAD is there where GET is (RFC 9110, 9.3.2).</summary>
    public static string[] Reads { get; } = ["GET", "HEAD"];

    public RequestDelegate Of(Func<HttpExchange, Task> handler) => http => handler(new(http, node, options));
}
