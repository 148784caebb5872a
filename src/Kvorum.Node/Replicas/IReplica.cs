using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Replicas;

/// <summary>
/// This node's replica of one group, as the loop that owns it sees it, however the group replicates. What
/// peers send it differs from kind to kind, and is no part of this. The loop calls it on its own thread,
/// never from two places at once.
/// </summary>
internal interface IReplica
{
    /// <summary>Which group it belongs to.</summary>
    GroupIdentity Identity { get; }

    /// <summary>The nodes that hold the group, the preferred leader first.</summary>
    IReadOnlyList<NodeId> Preference { get; }

    /// <summary>Its data on disk: what the loop flushes, compacts and checks.</summary>
    IReplicaStore Store { get; }

    /// <summary>What an operator should know of it; null if all is well.</summary>
    string? HealthIssue { get; }

    /// <summary>True while it leads its group; always false where groups have no leader.</summary>
    bool IsLeader { get; }

    /// <summary>
    /// True if calls are better asked for elsewhere: it is to go, and may not hear who leads its group.
    /// </summary>
    bool IsBypassed { get; }

    /// <summary>True while any call is in its hands.</summary>
    bool HasCalls { get; }

    /// <summary>
    /// True while nothing of it is under way, waits, or will soon be due: then it need not be told that time
    /// passes, and is looked at once in a second.
    /// </summary>
    bool IsAtRest { get; }

    /// <summary>Checkpoints that it is sending.</summary>
    int SnapshotSends { get; }

    /// <summary>
    /// True while it is on the loop's list of replicas that have something to do. Owned by the loop.
    /// </summary>
    bool IsQueued { get; set; }

    /// <summary>
    /// True while it is on the loop's list of replicas that are told that time passes. Owned by the loop.
    /// </summary>
    bool IsAwake { get; set; }

    /// <summary>
    /// The replica begins, at the start or when it was made: tells the operator what is wrong, and the node
    /// what it knows.
    /// </summary>
    void Begin();

    /// <summary>The node has been admitted: it votes, campaigns and answers from now on.</summary>
    void TakePart();

    /// <summary>The node takes part no more: it leads nothing, as far as others on this node know.</summary>
    void TakeNoPart();

    /// <summary>Takes a call whose key is in this group.</summary>
    void Take(Call call);

    /// <summary>Keeps the call until a leader shows itself or its deadline passes.</summary>
    void Wait(Call call);

    /// <summary>
    /// Time passes.
    /// </summary>
    /// <param name="due">Ticks since the last call, from 1.</param>
    void Tick(long due);

    /// <summary>The end of a turn: does all that has become due in it.</summary>
    void Advance();

    /// <summary>All log batches up to this one are durable.</summary>
    void Persisted(ulong batch);

    /// <summary>A peer came up.</summary>
    void PeerUp(NodeId peer);

    /// <summary>A peer is silent for too long; told again now and then while it is.</summary>
    void PeerSuspected(NodeId peer);

    /// <summary>A peer is lost.</summary>
    void PeerDown(NodeId peer, PeerLoss loss);

    /// <summary>
    /// Deadlines of calls, transfers and disputes, and upkeep of the store. Rarely while it is at rest.
    /// </summary>
    void Sweep();

    /// <summary>Leader: proposes what this node knows and its state machine lacks.</summary>
    void ProposeLacking();

    /// <summary>
    /// Hands leadership over if another replica should lead. True if it did.
    /// </summary>
    bool BalanceLeadership();

    /// <summary>
    /// The node is about to stop: hands leadership over. True if it does not lead, or cannot hand over.
    /// </summary>
    bool HandOver();

    /// <summary>The replica as people see it.</summary>
    PartitionStatus Status();

    /// <summary>What it has of a key, for people: read from its own tables, whoever else has what.</summary>
    ReplicaOfKey Describe(byte[] key);

    /// <summary>
    /// True if it can go: neither the metadata group wants it here, nor does its own group count on it.
    /// </summary>
    bool IsGivenUp { get; }

    /// <summary>True once it does nothing any more, and its data is in use by no job.</summary>
    bool IsIdle { get; }

    /// <summary>It is not asked any more: ends what is under way. Its calls go elsewhere.</summary>
    void Retire();

    /// <summary>Goes on with what cannot be left half done.</summary>
    void SweepRetired();

    /// <summary>
    /// What stays of it, written into the log as well: a new replica of the group begins with it.
    /// </summary>
    HardState Entomb(LogBatch batch);
}
