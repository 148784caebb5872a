using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>
/// Tells a program's handlers what happens in the cluster, one event after the other, for as long as there
/// are handlers. Any thread.
/// </summary>
internal sealed class EventHandlers(KvorumClient client) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private EventHandler<ClusterEvent>? _handlers;
    private CancellationTokenSource? _watching;

    /// <summary>Adds one; the first begins the watch.</summary>
    public void Add(EventHandler<ClusterEvent>? handler)
    {
        lock (_gate)
        {
            _handlers += handler;
            if (_handlers is null || _watching is not null)
                return;
            _watching = new();
            var ending = _watching.Token;
            _ = Task.Run(() => WatchAsync(ending), CancellationToken.None);
        }
    }

    /// <summary>Takes one back; the last ends the watch.</summary>
    public void Remove(EventHandler<ClusterEvent>? handler)
    {
        lock (_gate)
        {
            _handlers -= handler;
            if (_handlers is null)
                End();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            _handlers = null;
            End();
        }
    }

    private void End()
    {
        _watching?.Cancel();
        _watching?.Dispose();
        _watching = null;
    }

    private async Task WatchAsync(CancellationToken ending)
    {
        ulong? after = null;
        while (!ending.IsCancellationRequested)
        {
            try
            {
                var options = new WatchOptions { After = after, Begun = position => after = position };
                await foreach (var one in client.WatchAsync(options, ending).ConfigureAwait(false))
                {
                    after = one.Position;
                    EventHandler<ClusterEvent>? handlers;
                    lock (_gate)
                        handlers = ending.IsCancellationRequested ? null : _handlers;
                    handlers?.Invoke(client, one);
                }
            }
            catch (KvorumException e)
            {
                // Positions that are gone: go on with the oldest that is kept, a later number tells of the gap.
                after = e.Status == ReplyStatus.ConditionFailed ? 0 : after;
                await Task.Delay(Pause, ending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }
}
