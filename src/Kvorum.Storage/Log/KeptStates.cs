using System.Runtime.InteropServices;

namespace Kvorum.Storage.Log;

/// <summary>The newest state of every group and the segment that holds it. Owned by the log lane.</summary>
internal sealed class KeptStates
{
    private readonly Dictionary<uint, Kept> _states = [];

    /// <summary>
    /// Notes that the newest state of the group is in the segment. An empty one removes the state.
    /// </summary>
    public void Set(uint group, ReadOnlySpan<byte> payload, ulong segment)
    {
        if (payload.IsEmpty)
        {
            _states.Remove(group);
            return;
        }

        ref var kept = ref CollectionsMarshal.GetValueRefOrAddDefault(_states, group, out _);
        if (kept.Bytes is null || kept.Bytes.Length < payload.Length)
            kept.Bytes = new byte[payload.Length];
        payload.CopyTo(kept.Bytes);
        kept.Length = payload.Length;
        kept.Segment = segment;
    }

    /// <summary>
    /// Adds the states that are in segments below the given one, in the order of their groups.
    /// </summary>
    public void AddOlder(ulong segment, LogBatch into)
    {
        foreach (var (group, kept) in _states
            .Where(pair => pair.Value.Segment < segment).OrderBy(pair => pair.Key))
            into.SetState(group, kept.Bytes.AsSpan(0, kept.Length));
    }

    private struct Kept
    {
        public byte[]? Bytes;
        public int Length;
        public ulong Segment;
    }
}
