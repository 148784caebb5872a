using Kvorum.Node;
using Microsoft.AspNetCore.Http;

namespace Kvorum.Server.Http;

/// <summary>Makes a route's handler run on an <see cref="HttpExchange"/>.</summary>
internal sealed class RouteFactory(INode node, HttpOptions options)
{
    public RequestDelegate Of(Func<HttpExchange, Task> handler) => http => handler(new(http, node, options));
}
