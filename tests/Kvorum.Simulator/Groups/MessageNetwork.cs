using Kvorum.Raft;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Groups;

/// <summary>
/// The way of messages between members: each is delayed, lost, doubled or overtaken on its own, as
/// <see cref="RaftNode"/> promises to stand it.
/// </summary>
internal sealed class MessageNetwork(SimulatedWorld world, GroupOptions options)
{
    private readonly RandomStream _random = world.Random("messages");
    private readonly SortedDictionary<(ulong From, ulong To), long> _cutUntilUs = [];
    private readonly SortedDictionary<(ulong From, ulong To), long> _newestDueUs = [];

    /// <summary>True while nothing is lost, doubled or late.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>Called when a message has arrived.</summary>
    public Action<Message> Arrived { get; set; } = static _ => { };

    /// <summary>Messages of one direction are lost for so long.</summary>
    public void Cut(NodeId from, NodeId to, long us)
    {
        var way = WayOf(from, to);
        _cutUntilUs[way] = Math.Max(_cutUntilUs.GetValueOrDefault(way), world.NowUs + us);
    }

    /// <summary>Everything arrives, quickly, or not.</summary>
    public void Heal(bool isWhole)
    {
        IsWhole = isWhole;
        _cutUntilUs.Clear();
    }

    /// <summary>Sends a message; false if it will never arrive.</summary>
    public bool Send(Message message)
    {
        var way = WayOf(message.From, message.To);
        if (IsWhole)
        {
            Deliver(message, way, 1000);
            return true;
        }

        if (_cutUntilUs.TryGetValue(way, out var untilUs) && untilUs > world.NowUs)
            return false;
        if (_random.Chance(options.Lost))
        {
            world.Fired(FaultKind.FrameLost);
            return false;
        }

        Deliver(message, way, _random.Between(1000, options.DelayMaxUs));
        if (_random.Chance(options.Duplicated))
        {
            world.Fired(FaultKind.FrameDuplicated);
            Deliver(message, way, _random.Between(1000, 300_000));
        }

        return true;
    }

    private void Deliver(Message message, (ulong From, ulong To) way, long delayUs)
    {
        var dueUs = world.NowUs + delayUs;
        if (dueUs < _newestDueUs.GetValueOrDefault(way))
            world.Fired(FaultKind.FrameReordered);
        else
            _newestDueUs[way] = dueUs;
        world.Scheduler.At(dueUs, () => Arrived(message));
    }

    private static (ulong From, ulong To) WayOf(NodeId from, NodeId to) =>
        ((ulong)from.Value, (ulong)to.Value);
}
