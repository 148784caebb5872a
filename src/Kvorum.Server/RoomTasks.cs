using Kvorum.Node.Budgets;

namespace Kvorum.Server;

/// <summary>There is no room for a request, nor will there be: nothing was done.</summary>
internal sealed class NoRoomException() : IOException(
    "too many large requests are on their way; nothing was done, retry after a pause");

/// <summary>Waiting for room with <c>await</c>. Continuations run on the thread pool.</summary>
internal static class RoomTasks
{
    /// <summary>
    /// Takes room, now or later. <see cref="NoRoomException"/> if there will be none: too many wait already,
    /// or the connection is closed.
    /// </summary>
    public static ValueTask TakeAsync(this ByteShare share, long bytes, CancellationToken cancelled = default)
    {
        if (share.TryTake(bytes))
            return default;
        var waiter = new TaskWaiter();
        return share.Take(bytes, waiter) switch
        {
            RoomAnswer.Taken => default,
            RoomAnswer.Waits => new(WaitAsync(share, waiter, cancelled)),
            _ => throw new NoRoomException(),
        };
    }

    private static async Task WaitAsync(ByteShare share, TaskWaiter waiter, CancellationToken cancelled)
    {
        try
        {
            await waiter.Told.WaitAsync(cancelled).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            if (!share.Cancel(waiter))
                waiter.GiveWhenGranted(share);
            throw;
        }
    }

    private sealed class TaskWaiter : RoomWaiter
    {
        private readonly TaskCompletionSource _told = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Told => _told.Task;

        public override void Granted() => _told.TrySetResult();

        public override void Refused() => _told.TrySetException(new NoRoomException());

        /// <summary>
        /// It was granted at the moment when its owner had lost patience, and is told of it yet.
        /// </summary>
        public void GiveWhenGranted(ByteShare share) => Told.ContinueWith(
            (_, bytes) => share.Give((long)bytes!), Bytes, CancellationToken.None,
            TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
    }
}
