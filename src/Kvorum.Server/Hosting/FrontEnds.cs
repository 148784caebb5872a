using Kvorum.Node;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Hosting;

/// <summary>The doors for clients: gRPC and the native protocol on one port, HTTP on another.</summary>
internal sealed class FrontEnds(KvorumNode node, ServerOptions options, Assembly parts, ILoggerFactory logging)
{
    public Task Start() => Task.CompletedTask;

    public Task Stop(TimeSpan patience) => Task.CompletedTask;
}
