using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Server;

/// <summary>
/// The events of the cluster for one reader, from a position on: asked of the node as fast as the reader
/// takes them, and held by the node while there are none. Nothing is kept for the reader but its position:
/// one that is too slow is told so when the events behind it are not kept any more. One reader at a time.
/// </summary>
/// <param name="node">The node.</param>
/// <param name="after">The position behind which to begin.</param>
/// <param name="fromNow">True to begin behind what has happened already.</param>
/// <param name="cluster">The cluster that the position is of; null if that is not known.</param>
internal sealed class EventFeed(INode node, ulong after, bool fromNow, Guid? cluster)
{
    private bool _hasBegun;

    /// <summary>The position of the last event that was told, or behind which the feed begins.</summary>
    public ulong Position { get; private set; } = after;

    /// <summary>
    /// What has happened behind the position, as soon as something has; with no events if nothing has for
    /// <see cref="EventsCodec.WaitMs"/>. The first time it does not wait, so that what is wrong with the
    /// position is known before anything is sent. Any other status than Ok is the end.
    /// </summary>
    public async Task<AdminReply> NextAsync(CancellationToken cancelled)
    {
        var wait = TimeSpan.FromMilliseconds(_hasBegun ? EventsCodec.WaitMs : 0);
        var asked = new ShowEvents(Position)
        {
            WaitMs = (long)wait.TotalMilliseconds,
            ClusterId = cluster,
        };
        var reply = await node.AdministerAsync(asked, wait, cancelled).ConfigureAwait(false);
        if (reply.Status != ReplyStatus.Ok)
            return reply;
        cluster = reply.ClusterId is { } known && known != Guid.Empty ? known : cluster;
        if (fromNow && !_hasBegun)
        {
            (_hasBegun, Position) = (true, reply.NewestEvent ?? 0);
            return reply with { Events = [] };
        }

        _hasBegun = true;
        Position = reply.Events is [.., var last] ? last.Position : Position;
        return reply;
    }
}
