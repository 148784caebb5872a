namespace Kvorum.Raft.Membership;

/// <summary>Questions that the core asks of a configuration.</summary>
internal static class ConfigurationExtensions
{
    extension(Configuration configuration)
    {
        /// <summary>True if the node votes, in either half of a joint configuration.</summary>
        public bool HasVoter(NodeId node) =>
            Contains(configuration.Voters, node) || Contains(configuration.Outgoing, node);

        /// <summary>True if the node gets the log.</summary>
        public bool HasMember(NodeId node) =>
            configuration.HasVoter(node) || Contains(configuration.Learners, node);

        /// <summary>True if the node is the only voter.</summary>
        public bool IsSoleVoter(NodeId node) =>
            configuration.Voters.Count == 1 && configuration.Voters[0] == node
            && (configuration.Outgoing.Count == 0
                || (configuration.Outgoing.Count == 1 && configuration.Outgoing[0] == node));

        /// <summary>All nodes that get the log, sorted.</summary>
        public NodeId[] Members() =>
        [
            .. configuration.Voters.Concat(configuration.Outgoing).Concat(configuration.Learners)
                .Distinct().Order(),
        ];
    }

    /// <summary>True if the list holds the node.</summary>
    public static bool Contains(IReadOnlyList<NodeId> nodes, NodeId node)
    {
        for (var i = 0; i < nodes.Count; i++)
        {
            if (nodes[i] == node) return true;
        }
        return false;
    }
}
