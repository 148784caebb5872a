namespace Kvorum.Raft.Membership;

/// <summary>
/// The votes of one election. A grant binds its voter, so it counts also after a refusal; each count takes
/// the voters from the configuration.
/// </summary>
internal sealed class Ballot
{
    private readonly Dictionary<NodeId, bool> _votes = [];

    /// <summary>Starts anew.</summary>
    public void Clear() => _votes.Clear();

    /// <summary>A node has answered.</summary>
    public void Record(NodeId node, bool granted)
    {
        if (!_votes.TryAdd(node, granted) && granted)
            _votes[node] = true;
    }

    /// <summary>True if the node has refused, and not granted since.</summary>
    public bool WasRefusedBy(NodeId node) => _votes.TryGetValue(node, out var granted) && !granted;

    /// <summary>The verdict under a configuration, joint or simple.</summary>
    public Verdict Count(Configuration configuration) =>
        Majority.Both(Count(configuration.Voters), Count(configuration.Outgoing));

    private Verdict Count(IReadOnlyList<NodeId> voters)
    {
        int yes = 0, no = 0;
        for (var i = 0; i < voters.Count; i++)
        {
            if (!_votes.TryGetValue(voters[i], out var granted)) continue;
            if (granted) yes++;
            else no++;
        }
        return Majority.Tally(voters.Count, yes, no);
    }
}
