using Kvorum.Node;
using Kvorum.Server.Http.OpenApi;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Kvorum.Server.Http;

/// <summary>All routes, each with its <see cref="Operation"/>.</summary>
internal sealed class RouteTable(IEndpointRouteBuilder routes, INode node, HttpOptions options)
{
    private byte[]? _document;

    /// <summary>The routes.</summary>
    public IEnumerable<RouteEndpoint> Endpoints =>
        routes.DataSources.SelectMany(static source => source.Endpoints).Cast<RouteEndpoint>();

    /// <summary>The OpenAPI document of all routes; made when it is first asked for.</summary>
    public byte[] Document => _document ??= new DocumentBuilder().Of(Endpoints);

    /// <summary>A route that reads: HEAD is there where GET is (RFC 9110, 9.3.2).</summary>
    public void Read(string pattern, Operation operation, Func<HttpExchange, Task> handler) =>
        Map(pattern, ["GET", "HEAD"], operation, handler);

    /// <summary>A route of one method.</summary>
    public void Map(string method, string pattern, Operation operation, Func<HttpExchange, Task> handler) =>
        Map(pattern, [method], operation, handler);

    private void Map(
        string pattern, string[] methods, Operation operation, Func<HttpExchange, Task> handler)
    {
        RequestDelegate serve = http => handler(new(http, operation, node, options));
        routes.MapMethods(pattern, methods, serve).WithMetadata(operation);
    }
}
