using System.Collections.Frozen;
using System.Net;
using Kvorum.Node;
using Kvorum.Server.Access;
using Kvorum.Server.Listeners;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Http;

/// <summary>
/// The HTTP/JSON front end: an ASP.NET Core application that reads no configuration of its own and takes no
/// signals.
/// </summary>
public sealed class HttpServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly ILogger _log;
    private readonly SiteRules _sites;
    private readonly RouteTable _routes;
    private readonly FrozenSet<string> _paths;
    private readonly PathTemplate[] _templates;
    private ListenOptions? _listening;

    private HttpServer(INode node, HttpOptions options)
    {
        _log = options.Logging.CreateLogger("Kvorum.Http");
        _sites = new(options.HostNames);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddSingleton<IHostLifetime, EmbeddedLifetime>();
        builder.Services.AddSingleton<ILoggerFactory>(new WithoutRequestLog(options.Logging));
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Configure(kestrel, node, options));
        if (options.Transport is { } transport)
            builder.Services.AddSingleton(transport);
        _application = builder.Build();
        _application.Use(next => http => GuardAsync(http, next));
        _application.UseRouting();
        _routes = new(_application, node, options);
        KeyRoutes.MapAll(_routes);
        ResourceRoutes.MapAll(_routes);
        StatusRoutes.MapAll(_routes);
        ClusterRoutes.MapAll(_routes);
        ClusterChangeRoutes.MapAll(_routes);
        AccessRoutes.MapAll(_routes);
        JoinTokenRoutes.MapAll(_routes);
        _paths = Routes.Select(static route => route.RoutePattern.RawText!)
            .ToFrozenSet(StringComparer.Ordinal);
        _templates = [.. _paths.Where(static path => path.Contains('{', StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).Select(static path => new PathTemplate(path))];
    }

    /// <summary>Where it listens; after <see cref="StartAsync"/> with the true port.</summary>
    public IPEndPoint EndPoint =>
        _listening?.IPEndPoint ?? throw new InvalidOperationException("not started");

    /// <summary>All routes, for the test that holds them against their description.</summary>
    internal IEnumerable<RouteEndpoint> Routes => _routes.Endpoints;

    /// <summary>The front end of a node.</summary>
    public static HttpServer Create(INode node, HttpOptions options) => new(node, options);

    /// <summary>Binds and serves. <see cref="IOException"/> if the endpoint cannot be bound.</summary>
    public Task StartAsync(CancellationToken cancelled) => _application.StartAsync(cancelled);

    /// <summary>
    /// Takes no new requests and waits for those under way until <paramref name="impatient"/> fires; what is
    /// left then is cut off.
    /// </summary>
    public Task StopAsync(CancellationToken impatient) => _application.StopAsync(impatient);

    /// <summary>Cuts off what is left.</summary>
    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private void Configure(KestrelServerOptions kestrel, INode node, HttpOptions options)
    {
        kestrel.AddServerHeader = false;
        // One character for each byte: what is no UTF-8 is refused where text is expected, not folded here.
        kestrel.RequestHeaderEncodingSelector = static _ => System.Text.Encoding.Latin1;
        kestrel.Limits.MaxConcurrentConnections = options.ConnectionsMax;
        kestrel.Limits.RequestHeadersTimeout = options.HeadTimeout;
        kestrel.Limits.MaxRequestBodySize = null; // Each route has its own bound, and says it.
        // Every byte of a key may be an escape, and a scan names up to four.
        kestrel.Limits.MaxRequestLineSize = (4 * 3 * options.KeyBytesMax) + 8192;
        // What a connection may send before anything of it is admitted.
        kestrel.Limits.MaxRequestBufferSize = Math.Max(128 << 10, kestrel.Limits.MaxRequestLineSize);
        kestrel.Limits.MinRequestBodyDataRate = new(TrafficRoom.BytesPerSecondMin, TrafficRoom.JudgeInterval);
        kestrel.Listen(options.EndPoint, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(next => async connection =>
            {
                using var traffic = ConnectionTraffic.Open(connection, options.Traffic);
                using var callers = ConnectionCallers.Open(connection, node, traffic);
                if (callers is not null)
                    await next(connection).ConfigureAwait(false);
            });
            listen.Use(next => connection => ServeAsync(connection, next));
            _listening = listen;
        });
    }

    private static async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        PacedLogging.Serves(connection.RemoteEndPoint);
        await next(connection).ConfigureAwait(false);
    }

    /// <summary>
    /// Every answer is JSON or a value, also where nothing matched and where something failed.
    /// </summary>
    private async Task GuardAsync(HttpContext http, RequestDelegate next)
    {
        using var traffic = RequestTraffic.Open(http);
        try
        {
            _sites.Check(http.Request);
            if (ResourceRoutes.TakeKey(http) || _paths.Contains(RequestTarget.PathOf(http))
                || Array.Exists(_templates, template => template.TryTake(http)))
                await next(http).ConfigureAwait(false);
            else
                http.Response.StatusCode = StatusCodes.Status404NotFound;
            if (http.Response is { HasStarted: false, StatusCode: 404 or 405 }
                && http.Response.ContentLength is null)
                await NoRouteAsync(http).ConfigureAwait(false);
        }
        catch (HttpFailure failure)
        {
            await FailAsync(http, failure.Status, failure.Body).ConfigureAwait(false);
        }
        catch (AccessRefusedException refused)
        {
            var failure = HttpFailure.Of(refused.Refusal);
            await FailAsync(http, failure.Status, failure.Body).ConfigureAwait(false);
        }
        catch (NoRoomException full)
        {
            var failure = HttpFailure.Of(429, "overloaded", full.Message);
            await FailAsync(http, failure.Status, failure.Body with { Retry = "safe" }).ConfigureAwait(false);
        }
        catch (Microsoft.AspNetCore.Http.BadHttpRequestException wrong)
        {
            var failure = HttpFailure.Of(wrong.StatusCode, "invalid-argument", wrong.Message);
            await FailAsync(http, failure.Status, failure.Body).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            http.Abort();
        }
        catch (IOException) when (http.RequestAborted.IsCancellationRequested)
        {
            http.Abort();
        }
        catch (Exception cause)
        {
            Log.RequestFailed(_log, http.Request.Method, http.Request.Path, cause);
            var failure = HttpFailure.Of(
                500, "internal", "the server failed at this request; its log says why");
            // Before the node was asked, nothing can have happened.
            var body = http.Features.Get<HttpExchange.AskedToWrite>() is null
                ? failure.Body with { Retry = "safe" }
                : failure.Body with { Retry = "same-ids", Indeterminate = true };
            await FailAsync(http, failure.Status, body).ConfigureAwait(false);
        }
    }

    private static Task NoRouteAsync(HttpContext http)
    {
        var path = HttpFailure.Shown(RequestTarget.PathOf(http));
        var method = HttpFailure.Shown(http.Request.Method);
        var (name, message) = http.Response.StatusCode == 404
            ? ("no-such-route", $"there is nothing at {path}; /openapi/v1.json lists what there is")
            : (
                "method-not-allowed",
                $"{method} is not allowed here; allowed are {http.Response.Headers.Allow}");
        return HttpExchange.ErrorAsync(
            http, http.Response.StatusCode, new() { Error = name, Message = message, Retry = "never" });
    }

    private static Task FailAsync(HttpContext http, int status, ErrorBody error)
    {
        if (!http.Response.HasStarted)
        {
            if (status == StatusCodes.Status401Unauthorized)
                http.Response.Headers.WWWAuthenticate = "Bearer realm=\"kvorum\"";
            return HttpExchange.ErrorAsync(http, status, error);
        }

        http.Abort(); // Half an answer must not look whole.
        return Task.CompletedTask;
    }
}
