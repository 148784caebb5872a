using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Membership;

/// <summary>All that introductions may ask of the node. Called on the thread of loop 0 only.</summary>
internal interface IAdmissionHost
{
    /// <summary>Files, transport and clocks.</summary>
    NodeWorld World { get; }

    /// <summary>The members.</summary>
    ClusterView Cluster { get; }

    /// <summary>How far the logs of the others are.</summary>
    PeerLogs PeerLogs { get; }

    /// <summary>How far this node's log is durable.</summary>
    ulong DurableSequence { get; }

    /// <summary>The node's clock as of this turn, in milliseconds; never falls.</summary>
    long NowMs { get; }

    /// <summary>
    /// Runs slow work on the background lane; <paramref name="done"/> runs in the loop, with what the work
    /// threw.
    /// </summary>
    void RunInBackground(Action work, Action<Exception?> done);

    /// <summary>Writes to the log; <paramref name="done"/> runs in the loop once that is durable.</summary>
    void Append(LogBatch batch, Action<Exception?> done);

    /// <summary>The peer, which is up, is heard from now on: all replicas are told.</summary>
    void Accepted(NodeId peer);

    /// <summary>The node takes part from now on: all replicas are told.</summary>
    void TakePart();

    /// <summary>The node takes part no more: all replicas are told.</summary>
    void TakeNoPart();
}
