using System.Net;
using Kvorum.Server.Http;

namespace Kvorum.Tests.Server.Http;

/// <summary>An HTTP front end over a <see cref="DictionaryNode"/> on a free port.</summary>
public sealed class HttpFixture : IAsyncLifetime
{
    internal const int ValueBytesMax = 100_000;

    internal DictionaryNode Node { get; } = new() { ValueBytesMax = ValueBytesMax };

    internal HttpServer Server { get; private set; } = null!;

    internal HttpClient Client { get; } = new();

    public async ValueTask InitializeAsync()
    {
        Server = HttpServer.Create(Node, new()
        {
            EndPoint = new(IPAddress.Loopback, 0),
            ValueBytesMax = ValueBytesMax,
            HostNames = ["kvorum.example"],
            StatusTimeout = TimeSpan.FromMilliseconds(300),
        });
        await Server.StartAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
    }
}
