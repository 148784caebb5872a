using System.Diagnostics;
using Kvorum.Server.Sockets;

namespace Kvorum.Tests.Server.Sockets;

public sealed class LoopPauseTests
{
    public static TheoryData<bool> Kinds => [true, false];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_pause_of_nothing_does_not_sleep_for_ever(bool isPolling)
    {
        using var pause = new Owned(isPolling);
        pause.It.Sleep(0);
        pause.It.Sleep(1);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_wake_ends_the_pause(bool isPolling)
    {
        using var pause = new Owned(isPolling);
        for (var round = 0; round < 100; round++)
        {
            var waker = new Thread(pause.It.Wake);
            waker.Start();
            Assert.True(Ends(pause.It));
            waker.Join();
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_wake_before_the_pause_ends_it_and_no_other(bool isPolling)
    {
        using var pause = new Owned(isPolling);
        pause.It.Wake();
        pause.It.Wake();
        Assert.True(Ends(pause.It));
        var watch = Stopwatch.StartNew();
        pause.It.Sleep(100);
        Assert.InRange(watch.ElapsedMilliseconds, 95, long.MaxValue);
    }

    private static bool Ends(ILoopWaiter pause)
    {
        var watch = Stopwatch.StartNew();
        pause.Sleep(60_000);
        return watch.Elapsed < TimeSpan.FromSeconds(50);
    }

    private sealed class Owned : IDisposable
    {
        public Owned(bool isPolling)
        {
            Assert.SkipUnless(!isPolling || SocketPoller.IsSupported, "only Linux has epoll");
            It = isPolling ? new SocketPoller() : new PlainWaiter();
        }

        public ILoopWaiter It { get; }

        public void Dispose() => (It as IDisposable)?.Dispose();
    }
}
