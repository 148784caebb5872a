using Kvorum.Server.Grpc;

namespace Kvorum.Tests.Server.Grpc;

public class ReplyRoomTests
{
    [Fact]
    public void Room_is_taken_until_it_is_full_and_one_that_is_alone_always_fits()
    {
        var room = new ReplyRoom(100);
        Assert.True(room.TryTake(60));
        Assert.False(room.TryTake(41));
        Assert.True(room.TryTake(40));
        room.Give(100);
        Assert.True(room.TryTake(1000));
        Assert.False(room.TryTake(1));
    }

    [Fact]
    public async Task Those_who_wait_are_served_in_their_order_and_nobody_passes_them()
    {
        var room = new ReplyRoom(100);
        Assert.True(room.TryTake(100));
        var large = room.TakeAsync(90, TestContext.Current.CancellationToken).AsTask();
        var small = room.TakeAsync(10, TestContext.Current.CancellationToken).AsTask();
        room.Give(50);
        Assert.False(large.IsCompleted || small.IsCompleted);
        Assert.False(room.TryTake(10));
        room.Give(50);
        await Task.WhenAll(large, small).WaitAsync(
            TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        Assert.False(room.TryTake(1));
    }

    [Fact]
    public async Task Who_gives_up_waiting_takes_nothing_and_holds_nobody_up()
    {
        var room = new ReplyRoom(100);
        Assert.True(room.TryTake(100));
        using var impatient = new CancellationTokenSource();
        var gone = room.TakeAsync(90, impatient.Token).AsTask();
        var next = room.TakeAsync(50, TestContext.Current.CancellationToken).AsTask();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        room.Give(100);
        await next.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        Assert.True(room.TryTake(50));
        Assert.False(room.TryTake(1));
    }

    [Fact]
    public async Task Those_behind_one_who_gives_up_are_served_at_once_if_they_fit()
    {
        var room = new ReplyRoom(100);
        Assert.True(room.TryTake(60));
        using var impatient = new CancellationTokenSource();
        var gone = room.TakeAsync(90, impatient.Token).AsTask();
        var next = room.TakeAsync(40, TestContext.Current.CancellationToken).AsTask();
        Assert.False(next.IsCompleted);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        await next.WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        Assert.False(room.TryTake(1));
    }

    [Fact]
    public async Task Takers_and_quitters_of_many_threads_leave_nothing_behind()
    {
        var room = new ReplyRoom(100);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(seed => Task.Run(async () =>
        {
            var random = new Random(seed);
            for (var i = 0; i < 2000; i++)
            {
                var bytes = random.Next(1, 80);
                using var patience = new CancellationTokenSource();
                if (random.Next(4) == 0)
                    patience.CancelAfter(TimeSpan.FromMicroseconds(random.Next(200)));
                try
                {
                    await room.TakeAsync(bytes, patience.Token);
                    await Task.Yield();
                    room.Give(bytes);
                }
                catch (OperationCanceledException)
                {
                }
            }
        })));
        Assert.True(room.TryTake(100));
        Assert.False(room.TryTake(1));
    }
}
