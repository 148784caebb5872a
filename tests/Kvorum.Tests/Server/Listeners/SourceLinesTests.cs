using System.Net;
using Kvorum.Server.Listeners;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Kvorum.Tests.Server.Listeners;

public sealed class SourceLinesTests : IDisposable
{
    private static readonly IPEndPoint Client = IPEndPoint.Parse("10.0.0.1:4711");
    private readonly KeptLines _kept = new();

    [Theory]
    [InlineData("10.0.0.1:4711", "10.0.0.1")]
    [InlineData("[::ffff:10.0.0.1]:4711", "10.0.0.1")]
    [InlineData("[::1]:4711", "::1")]
    [InlineData("[2001:db8:1:2:3:4:5:6]:4711", "2001:db8:1:2::/64")]
    public void A_source_is_a_machine_not_a_connection(string remote, string source) =>
        Assert.Equal(source, SourceLines.Name(IPEndPoint.Parse(remote)));

    [Fact]
    public async Task What_is_held_back_is_told_when_the_time_is_over()
    {
        var time = new FakeTimeProvider();
        var lines = new SourceLines(_kept, time);
        Assert.True(lines.MayWrite(Client, out var note));
        Assert.Equal("", note);
        for (var n = 0; n < 59; n++)
            Assert.False(lines.MayWrite(new IPEndPoint(Client.Address, n + 1), out _));
        time.Advance(TimeSpan.FromSeconds(59));
        Assert.Empty(_kept.Lines);
        time.Advance(TimeSpan.FromSeconds(1));
        await Eventually.Holds(() => !_kept.Lines.IsEmpty);
        var (level, text) = Assert.Single(_kept.Lines);
        Assert.Equal(
            (LogLevel.Warning,
                "59 more lines about connections from 10.0.0.1 were held back in the last minute"),
            (level, text));
    }

    [Fact]
    public async Task Lines_of_the_web_server_are_warnings_and_one_for_each_client()
    {
        var paced = new PacedLogging(_kept, new(_kept, new FakeTimeProvider()));
        var kestrel = paced.CreateLogger("Microsoft.AspNetCore.Server.Kestrel");
        var own = paced.CreateLogger("Kvorum.Http");
        await Serve(Client, () => Tell(kestrel, LogLevel.Critical, "the event loop failed"));
        await Serve(Client, () => Tell(kestrel, LogLevel.Critical, "the event loop failed"));
        await Serve(Client, () => Tell(own, LogLevel.Warning, "the reply could not be sent"));
        await Serve(Client, () => Tell(own, LogLevel.Error, "a fault of the node"));
        await Serve(Client, () => Tell(own, LogLevel.Error, "a fault of the node"));
        await Serve(IPEndPoint.Parse("10.0.0.2:1"), () => Tell(kestrel, LogLevel.Error, "malformed"));
        Tell(own, LogLevel.Error, "not about a client");
        Tell(own, LogLevel.Error, "not about a client");
        Assert.Equal(
            [
                (LogLevel.Warning, "the event loop failed [10.0.0.1:4711]"),
                (LogLevel.Error, "a fault of the node [10.0.0.1:4711]"),
                (LogLevel.Warning, "malformed [10.0.0.2:1]"),
                (LogLevel.Error, "not about a client"),
                (LogLevel.Error, "not about a client"),
            ],
            _kept.Lines);
    }

    public void Dispose() => _kept.Dispose();

    private static void Tell(ILogger log, LogLevel level, string text) =>
        log.Log(level, default, text, null, static (told, _) => told);

    // As a connection is served: what comes before and after it is of no client.
    private static async Task Serve(EndPoint remote, Action work)
    {
        PacedLogging.Serves(remote);
        await Task.Yield();
        work();
    }
}
