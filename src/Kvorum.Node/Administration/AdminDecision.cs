using Kvorum.Node.Placement.Planning;
using Kvorum.Node.State;
using Kvorum.Raft;

namespace Kvorum.Node.Administration;

/// <summary>What the leader of the metadata group does about a change that is asked for.</summary>
internal abstract record AdminDecision
{
    private AdminDecision()
    {
    }

    /// <summary>It is answered at once: it is wrong, impossible, or true already.</summary>
    /// <param name="Reply">The answer.</param>
    public sealed record Answer(AdminReply Reply) : AdminDecision
    {
        /// <summary>
        /// True if the cluster's format version is too old: soon after its founding it rises by itself.
        /// </summary>
        public bool LacksFormat { get; init; }
    }

    /// <summary>It is to be proposed to the metadata group.</summary>
    /// <param name="Done">What is true afterwards, for people.</param>
    /// <param name="Command">The command, by log time.</param>
    /// <param name="IsDone">True once the committed state shows it.</param>
    public sealed record Propose(
        string Done, Func<ulong, byte[]> Command, Func<MetaMachine, bool> IsDone) : AdminDecision
    {
        /// <summary>
        /// What is planned before, on another thread: the same decision with a forecast or a better command,
        /// or an answer. Null if there is nothing to plan.
        /// </summary>
        public Func<PlannedCluster, AdminDecision>? Prepare { get; init; }

        /// <summary>What would come of it; null while the planner was not asked.</summary>
        public ForecastAnswer? Forecast { get; init; }

        /// <summary>True if it is done whatever the forecast says.</summary>
        public bool IsForced { get; init; }

        /// <summary>The group that is to get a leader by it, and which; null if none is.</summary>
        public (GroupId Group, NodeId Node)? Leads { get; init; }

        /// <summary>True unless another node leads than the one that is to.</summary>
        public bool IsSeen(Func<GroupId, NodeId?> leaderOf) =>
            Leads is not var (group, node) || leaderOf(group) == node;
    }
}
