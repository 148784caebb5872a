using System.Net;
using Kvorum.Node.Access;
using Kvorum.Server.Access;
using Kvorum.Server.Http;
using Kvorum.Server.Listeners;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvorum.Tests.Server.Http;

/// <summary>An HTTP front end over a <see cref="DictionaryNode"/> on a free port.</summary>
public sealed class HttpFixture : IAsyncLifetime
{
    internal const int ValueBytesMax = 100_000;

    private static readonly (string Id, string Key, byte[] Hash) Drawn = ApiKey.Draw();

    /// <summary>The API key of somebody without rights, where <see cref="Enforced"/> holds.</summary>
    internal static string PoorKey => Drawn.Key;

    /// <summary>Rights are enforced, and one user is known, who has none.</summary>
    internal static AccessTable Enforced { get; } = AccessTable.Empty
        .With(new UserRecord("poor", [], IsDisabled: false))
        .With(new ApiKeyRecord(Drawn.Id, "poor", Drawn.Hash, 1, 0)) with
    {
        IsOn = true,
    };

    /// <summary>What users may have: <see cref="Crowd"/> takes all of the poor one's.</summary>
    internal UserLimits Limits { get; private set; } = null!;

    internal DictionaryNode Node { get; } = new() { ValueBytesMax = ValueBytesMax };

    internal HttpServer Server { get; private set; } = null!;

    internal HttpClient Client { get; } = new();

    public async ValueTask InitializeAsync()
    {
        var lines = new SourceLines(NullLogger.Instance, TimeProvider.System);
        Limits = new(new(), lines, NullLogger.Instance);
        var door = new NodeDoor(Node, graceMs: 60_000, TimeProvider.System, lines, NullLogger.Instance)
        {
            Users = Limits,
        };
        Server = HttpServer.Create(door, new()
        {
            EndPoint = new(IPAddress.Loopback, 0),
            ValueBytesMax = ValueBytesMax,
            HostNames = ["kvorum.example"],
            StatusTimeout = TimeSpan.FromMilliseconds(300),
        });
        await Server.StartAsync(CancellationToken.None);
    }

    /// <summary>The poor user has as many requests as may be, until this is called.</summary>
    internal Action Crowd()
    {
        var places = Limits.Connect(new(IsSigned: false, "poor"), out _)!;
        var taken = 0;
        for (; places.TryEnter() == PlaceAnswer.Taken; taken++)
        {
        }

        return () =>
        {
            for (; taken > 0; taken--)
                places.Leave();
            places.Disconnect();
        };
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
    }
}
