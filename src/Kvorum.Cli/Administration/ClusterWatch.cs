using System.Threading.Channels;
using Kvorum.Client;
using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Cli.Administration;

/// <summary>
/// Shows the cluster again whenever something happens in it, as the nodes tell it, and now and then for what
/// is no event: how far a move is, how long a member is silent.
/// </summary>
/// <param name="client">Who is asked.</param>
/// <param name="lookInterval">How often it is shown while nothing happens.</param>
/// <param name="show">Shows the answer, and what has happened last.</param>
internal sealed class ClusterWatch(
    KvorumClient client, TimeSpan lookInterval,
    Action<(AdminReply Reply, string Json), IReadOnlyCollection<ClusterEvent>> show)
{
    private const int EventsShown = 12;

    private readonly Queue<ClusterEvent> _last = new();
    private readonly Channel<ClusterEvent> _heard = Channel.CreateBounded<ClusterEvent>(
        new BoundedChannelOptions(EventsShown) { FullMode = BoundedChannelFullMode.DropOldest });

    /// <summary>Runs until it is cancelled, or no node answers.</summary>
    public async Task RunAsync(CancellationToken cancelled)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancelled);
        var hearing = HearAsync(ending.Token);
        try
        {
            while (true)
            {
                while (_heard.Reader.TryRead(out var one))
                    Keep(one);
                var answer = await AdminCall.Ask(client, new ShowCluster(), cancelled).ConfigureAwait(false);
                show(answer, [.. _last]);
                await NewsAsync(cancelled).ConfigureAwait(false);
            }
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await hearing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Keep(ClusterEvent one)
    {
        _last.Enqueue(one);
        if (_last.Count > EventsShown)
            _last.Dequeue();
    }

    private async Task NewsAsync(CancellationToken cancelled)
    {
        using var look = CancellationTokenSource.CreateLinkedTokenSource(cancelled);
        look.CancelAfter(lookInterval);
        try
        {
            await _heard.Reader.WaitToReadAsync(look.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancelled.IsCancellationRequested)
        {
        }
    }

    // Events that are not kept any more are of no use here: it goes on with those that come.
    private async Task HearAsync(CancellationToken cancelled)
    {
        ulong? after = 0;
        while (true)
        {
            try
            {
                var options = new WatchOptions { After = after };
                await foreach (var one in client.WatchAsync(options, cancelled).ConfigureAwait(false))
                {
                    after = one.Position;
                    _heard.Writer.TryWrite(one);
                }
            }
            catch (KvorumException e)
            {
                after = e.Status == ReplyStatus.ConditionFailed ? null : after;
            }

            await Task.Delay(TimeSpan.FromSeconds(1), cancelled).ConfigureAwait(false);
        }
    }
}
