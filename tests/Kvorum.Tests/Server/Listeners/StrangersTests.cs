using System.Net;
using Kvorum.Server.Listeners;
using Microsoft.Extensions.Time.Testing;

namespace Kvorum.Tests.Server.Listeners;

/// <summary>Connections that have not shown who they are, by address.</summary>
public class StrangersTests
{
    private static readonly IPEndPoint Here = new(IPAddress.Parse("10.0.0.1"), 1);
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void An_address_has_so_many_at_a_listener_and_others_are_not_touched()
    {
        var strangers = new Strangers(_time);
        var passes = Enumerable.Range(0, 3)
            .Select(n => strangers.Enter(new IPEndPoint(Here.Address, n), "--addr", 3)!).ToArray();
        Assert.Null(strangers.Enter(Here, "--addr", 3));
        Assert.Equal(1, strangers.Refused);
        Assert.NotNull(strangers.Enter(Here, "--http-addr", 3));
        Assert.NotNull(strangers.Enter(new IPEndPoint(IPAddress.Parse("10.0.0.2"), 1), "--addr", 3));
        passes[0].Dispose();
        passes[0].Dispose();
        var again = strangers.Enter(Here, "--addr", 3);
        Assert.NotNull(again);
        Assert.Null(strangers.Enter(Here, "--addr", 3));
        foreach (var pass in passes.Append(again))
            pass.Dispose();
        Assert.Equal(2, strangers.SourceCount);
    }

    /// <summary>One machine has all addresses of such a network.</summary>
    [Fact]
    public void Of_IPv6_a_network_is_one_source()
    {
        var strangers = new Strangers(_time);
        Assert.NotNull(strangers.Enter(new IPEndPoint(IPAddress.Parse("2001:db8::1"), 1), "--addr", 1));
        Assert.Null(strangers.Enter(new IPEndPoint(IPAddress.Parse("2001:db8::ffff"), 1), "--addr", 1));
        Assert.NotNull(strangers.Enter(new IPEndPoint(IPAddress.Parse("2001:db8:0:1::1"), 1), "--addr", 1));
    }

    [Fact]
    public async Task Who_fails_waits_and_is_counted()
    {
        var strangers = new Strangers(_time);
        for (var n = 0; n < 9; n++)
        {
            await strangers.WaitAsync(Here, TestContext.Current.CancellationToken);
            Assert.Equal(n + 1, strangers.AttemptFailed(Here));
            if (n == 7)
                break;
        }

        var waits = strangers.WaitAsync(Here, TestContext.Current.CancellationToken);
        Assert.False(waits.IsCompleted);
        Assert.Equal((8, 1), (strangers.Failed, strangers.Delayed));
        _time.Advance(TimeSpan.FromMilliseconds(49));
        Assert.False(waits.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await waits;
        strangers.LoggedIn(Here);
        Assert.True(strangers.WaitAsync(Here, TestContext.Current.CancellationToken).IsCompleted);
    }

    [Fact]
    public void Fewer_and_fewer_failures_are_worth_a_line() => Assert.Equal(
        [.. Enumerable.Range(1, 16), 32, 64, 128, 256, 512],
        Enumerable.Range(1, 1000).Where(Strangers.IsWorthALine));
}
