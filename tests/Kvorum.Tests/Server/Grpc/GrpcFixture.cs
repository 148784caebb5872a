using System.Net;
using Kvorum.Server.Grpc;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvorum.Tests.Server.Grpc;

/// <summary>
/// A gRPC front end over a <see cref="DictionaryNode"/> on a free port, with an extra service of every
/// streaming kind.
/// </summary>
public sealed class GrpcFixture : IAsyncLifetime
{
    internal DictionaryNode Node { get; } = new();

    internal EchoService Echo { get; } = new();

    internal GrpcServer Server { get; private set; } = null!;

    public string Address => Server.EndPoint.ToString()!;

    internal static GrpcOptions Options { get; } =
        new() { HealthWatchInterval = TimeSpan.FromMilliseconds(20) };

    public async ValueTask InitializeAsync()
    {
        Server = Start([.. GrpcServices.Of(Node, Options), Echo.Bind()], Options);
        await Server.StartAsync(CancellationToken.None);
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();

    internal static GrpcServer Start(IReadOnlyCollection<GrpcService> services, GrpcOptions options) => new(
        services,
        options,
        new SocketTransportFactory(Microsoft.Extensions.Options.Options.Create(
            new SocketTransportOptions()), NullLoggerFactory.Instance),
        new IPEndPoint(IPAddress.Loopback, 0));
}
