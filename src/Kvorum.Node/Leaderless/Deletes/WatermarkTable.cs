using System.Collections.Concurrent;
using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.Leaderless.Deletes;

/// <summary>
/// The low watermarks of all members, as they were told last, and of this node's loops. Watermarks never go
/// back, so an old one is still true. Safe on any thread.
/// </summary>
internal sealed class WatermarkTable(int loops)
{
    // Looked up by node.
    private readonly ConcurrentDictionary<NodeId, NodeWatermark> _told = [];
    private readonly ulong[] _lows = new ulong[loops];
    private readonly int[] _held = new int[loops];

    /// <summary>A loop begins no write older than this any more.</summary>
    public void Publish(int loop, HybridTimestamp low, bool isHeld)
    {
        Volatile.Write(ref _held[loop], isHeld ? 1 : 0);
        Volatile.Write(ref _lows[loop], low.Value);
    }

    /// <summary>The least of this node's loops; null before each has told.</summary>
    public (HybridTimestamp Low, bool IsHeld)? Own()
    {
        var (least, isHeld) = (ulong.MaxValue, false);
        for (var i = 0; i < _lows.Length; i++)
        {
            least = Math.Min(least, Volatile.Read(ref _lows[i]));
            isHeld |= Volatile.Read(ref _held[i]) != 0;
        }

        return least == 0 ? null : (new HybridTimestamp(least), isHeld);
    }

    /// <summary>A member has told, or this node has.</summary>
    public void Told(NodeId node, NodeWatermark watermark) => _told[node] = watermark;

    /// <summary>What a member told last; null if it has told nothing yet.</summary>
    public NodeWatermark? Of(NodeId node) => _told.GetValueOrDefault(node);

    /// <summary>
    /// Below this no write of a partition will come from any of the members; null if one has told nothing.
    /// </summary>
    public HybridTimestamp? FloorOf(GroupId group, IReadOnlyList<NodeId> members)
    {
        HybridTimestamp? floor = null;
        foreach (var member in members)
        {
            if (!_told.TryGetValue(member, out var told))
                return null;
            var own = told.Of(group);
            floor = floor < own ? floor : own;
        }

        return floor;
    }
}
