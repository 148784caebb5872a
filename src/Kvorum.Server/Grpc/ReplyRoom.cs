namespace Kvorum.Server.Grpc;

/// <summary>
/// How many bytes of large replies may wait for the client of one connection to take them. Who asks for much
/// and takes nothing then waits; without this, each of his streams would keep a whole value in memory. Any
/// thread; first come, first served.
/// </summary>
internal sealed class ReplyRoom(long bytesMax)
{
    /// <summary>Smaller replies are not worth counting: a connection has few streams.</summary>
    public const int BytesMin = 64 << 10;

    private readonly Lock _gate = new();
    private readonly LinkedList<(long Bytes, TaskCompletionSource Granted)> _waiting = [];
    private long _taken;

    /// <summary>Takes room at once; false if there is none. A reply that is alone always has room.</summary>
    public bool TryTake(long bytes)
    {
        lock (_gate)
        {
            if (_waiting.Count > 0 || !Fits(bytes))
                return false;
            _taken += bytes;
            return true;
        }
    }

    /// <summary>Takes room when there is some.</summary>
    public async ValueTask TakeAsync(long bytes, CancellationToken cancelled)
    {
        var granted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        LinkedListNode<(long Bytes, TaskCompletionSource Granted)> place;
        lock (_gate)
        {
            if (TryTake(bytes))
                return;
            place = _waiting.AddLast((bytes, granted));
        }

        try
        {
            await granted.Task.WaitAsync(cancelled).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Leave(place);
            throw;
        }
    }

    /// <summary>Gives room back: the client has taken so much, or is gone.</summary>
    public void Give(long bytes)
    {
        lock (_gate)
        {
            _taken -= bytes;
            while (_waiting.First is { Value: var next } && Fits(next.Bytes))
            {
                _waiting.RemoveFirst();
                _taken += next.Bytes;
                next.Granted.SetResult();
            }
        }
    }

    // Those behind it may fit. What is no longer in the queue was granted at the same moment.
    private void Leave(LinkedListNode<(long Bytes, TaskCompletionSource Granted)> place)
    {
        lock (_gate)
        {
            bool isGranted = place.List is null;
            if (!isGranted)
                _waiting.Remove(place);
            Give(isGranted ? place.Value.Bytes : 0);
        }
    }

    private bool Fits(long bytes) => _taken == 0 || _taken + bytes <= bytesMax;
}
