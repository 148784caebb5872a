using System.Collections.Concurrent;
using Kvorum.Raft;

namespace Kvorum.Node.Groups;

/// <summary>
/// Term and vote of the replicas that were deleted from this node, as the log has them: a replica of the same
/// group begins with them. Any thread.
/// </summary>
internal sealed class FormerReplicas
{
    private readonly ConcurrentDictionary<GroupId, HardState> _states = [];

    /// <summary>A replica was deleted; the log says so.</summary>
    public void Add(GroupId group, HardState state) => _states[group] = state;

    /// <summary>What the group's former replica had; null if there was none.</summary>
    public HardState? Of(GroupId group) => _states.TryGetValue(group, out var state) ? state : null;

    /// <summary>A replica of the group is here again; the log says so.</summary>
    public void Remove(GroupId group) => _states.TryRemove(group, out _);
}
