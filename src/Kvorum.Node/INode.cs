using Kvorum.Node.Access;
using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Node;

/// <summary>
/// The door of a node's brain for front ends. All members may be called on any thread and never block.
/// </summary>
public interface INode
{
    /// <summary>Takes a request; the call is completed exactly once, now or later, on any thread.</summary>
    void Submit(Call call);

    /// <summary>The cluster as this node knows it now, with leaders.</summary>
    ClusterMap Map { get; }

    /// <summary>
    /// Whether the node serves, from a kept value that is at most a tick old: for probes, which come often.
    /// </summary>
    NodeHealth Health { get; }

    /// <summary>
    /// Who may do what, as this node was told; null before it has been told anything. The node itself does
    /// not judge: who lets callers in does.
    /// </summary>
    AccessTable? Access { get; }

    /// <summary>
    /// How old <see cref="Access"/> may be, in milliseconds; the greatest number until this node has heard of
    /// the metadata group since its start.
    /// </summary>
    long MetadataSilenceMs { get; }

    /// <summary>
    /// Collects the state of the node and all its replicas; <paramref name="done"/> is called once, on a node
    /// loop.
    /// </summary>
    void AskStatus(Action<NodeStatus> done);

    /// <summary>
    /// Takes an operator's request about the cluster, whichever node leads; <paramref name="done"/> is called
    /// once, on any thread, at most a moment after <paramref name="timeout"/>. Ok for a change means that a
    /// majority has it; OutcomeUnknown that it may happen yet.
    /// </summary>
    void Administer(AdminRequest request, TimeSpan timeout, Action<AdminReply> done);
}
