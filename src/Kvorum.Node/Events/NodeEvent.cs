namespace Kvorum.Node.Events;

/// <summary>
/// Something that happened in a node and that an operator may want to know: a closed family. Ids and fields
/// are stable, because alerts, searches and metrics are built on them; <see cref="NodeEventText"/> puts an
/// event into words.
/// </summary>
/// <param name="Id">The number of the kind, 200 to 299.</param>
public abstract record NodeEvent(int Id)
{
    /// <summary>True if an operator should look: it is worth a warning.</summary>
    public virtual bool IsWarning => false;
}

/// <summary>Something that happened to this node's replica of a partition.</summary>
/// <param name="Id">The number of the kind.</param>
/// <param name="Keyspace">The keyspace; "system" for the metadata group.</param>
/// <param name="Partition">The partition, from 0 on.</param>
public abstract record ReplicaEvent(int Id, string Keyspace, PartitionId Partition) : NodeEvent(Id);

/// <summary>A replica's role changed.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Role">leader, follower, candidate, pre-candidate or learner.</param>
/// <param name="Term">The term.</param>
/// <param name="Leader">The name of the term's leader; empty if it is unknown.</param>
public sealed record RoleChanged(
    string Keyspace, PartitionId Partition, string Role, ulong Term, string Leader)
    : ReplicaEvent(201, Keyspace, Partition);

/// <summary>A snapshot from another node was refused.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Partition">The partition.</param>
/// <param name="From">The name of the sender.</param>
/// <param name="Reason">What is wrong with the snapshot.</param>
public sealed record SnapshotRefused(string Keyspace, PartitionId Partition, string From, string Reason)
    : ReplicaEvent(202, Keyspace, Partition)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>A snapshot took the place of what the replica had.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Index">The newest entry in the snapshot.</param>
public sealed record SnapshotInstalled(string Keyspace, PartitionId Partition, ulong Index)
    : ReplicaEvent(203, Keyspace, Partition);

/// <summary>Damage was found in the replica's tables: it serves nothing until it is rebuilt.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Partition">The partition.</param>
/// <param name="HasPeers">True if another replica can rebuild it.</param>
/// <param name="Damage">File, offset and cause.</param>
public sealed record ReplicaDamaged(string Keyspace, PartitionId Partition, bool HasPeers, string Damage)
    : ReplicaEvent(204, Keyspace, Partition)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>A damaged replica has whole tables again.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Index">The newest entry in the tables.</param>
public sealed record ReplicaRebuilt(string Keyspace, PartitionId Partition, ulong Index)
    : ReplicaEvent(205, Keyspace, Partition);

/// <summary>The replica contradicts another one and serves nothing until an operator decides.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Contradiction">Both sides of the contradiction.</param>
public sealed record ReplicaQuarantined(string Keyspace, PartitionId Partition, string Contradiction)
    : ReplicaEvent(206, Keyspace, Partition)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>The other side of a contradiction was discarded: the replica takes part again.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Discarded">The names of the nodes whose replicas were discarded.</param>
public sealed record QuarantineEnded(string Keyspace, PartitionId Partition, string Discarded)
    : ReplicaEvent(207, Keyspace, Partition);

/// <summary>The replica was discarded by an operator and is empty until its leader has filled it.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Partition">The partition.</param>
public sealed record ReplicaDiscarded(string Keyspace, PartitionId Partition)
    : ReplicaEvent(208, Keyspace, Partition)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>A discarded replica was filled by its leader.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Partition">The partition.</param>
public sealed record ReplicaFilled(string Keyspace, PartitionId Partition)
    : ReplicaEvent(209, Keyspace, Partition);

/// <summary>Another replica has applied something else: all voters are asked.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Contradiction">Both sides of the contradiction.</param>
public sealed record HistoryDisputed(string Keyspace, PartitionId Partition, string Contradiction)
    : ReplicaEvent(210, Keyspace, Partition)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>Replicas on other nodes are quarantined, and this node's goes on.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Nodes">The names of the other nodes.</param>
public sealed record PeersQuarantined(string Keyspace, PartitionId Partition, string Nodes)
    : ReplicaEvent(211, Keyspace, Partition)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>The disk of the data folder became almost full, or has room again.</summary>
/// <param name="Free">Bytes that are free, for people.</param>
/// <param name="Issue">What the node refuses now; null if it has room again.</param>
public sealed record DiskRoomChanged(string Free, string? Issue) : NodeEvent(220)
{
    /// <inheritdoc/>
    public override bool IsWarning => Issue is not null;
}

/// <summary>Writes to the log became slow, or are fast again.</summary>
/// <param name="Issue">How slow; null if they are fast again.</param>
public sealed record LogPaceChanged(string? Issue) : NodeEvent(221)
{
    /// <inheritdoc/>
    public override bool IsWarning => Issue is not null;
}

/// <summary>The node's wall clock left those of a majority, or agrees with them again.</summary>
/// <param name="Issue">How far it is off; null if it agrees again.</param>
public sealed record ClockOffsetChanged(string? Issue) : NodeEvent(222)
{
    /// <inheritdoc/>
    public override bool IsWarning => Issue is not null;
}

/// <summary>The background check could not read a table, for another reason than damage.</summary>
/// <param name="Reason">The error.</param>
public sealed record TableNotChecked(string Reason) : NodeEvent(223)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>This node's log lacks what it had acknowledged: it takes no part in any group.</summary>
/// <param name="IsNew">True if it took part until now; false if it was known at the start.</param>
/// <param name="Reason">What the log lacks, and which member knows.</param>
public sealed record NodeExpelled(bool IsNew, string Reason) : NodeEvent(230)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>A member refuses this node.</summary>
/// <param name="Peer">The name of the member.</param>
/// <param name="Reason">The member's reason.</param>
public sealed record RefusedByPeer(string Peer, string Reason) : NodeEvent(231)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>This node refuses a member.</summary>
/// <param name="Peer">The name of the member.</param>
/// <param name="Reason">Why.</param>
public sealed record PeerRefused(string Peer, string Reason) : NodeEvent(232)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>A member that was refused came back with the data folder that this node knows.</summary>
/// <param name="Peer">The name of the member.</param>
public sealed record PeerReturned(string Peer) : NodeEvent(233);

/// <summary>A frame from a member could not be decoded.</summary>
/// <param name="Peer">The name of the member.</param>
/// <param name="Kind">The kind of the frame.</param>
/// <param name="Reason">What is wrong with it.</param>
public sealed record FrameDropped(string Peer, string Kind, string Reason) : NodeEvent(234)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>Members are named at a start that are not in the cluster of the data folder.</summary>
/// <param name="Members">The members that are ignored.</param>
/// <param name="Founders">The members that the data folder knows.</param>
public sealed record StrangersIgnored(string Members, string Founders) : NodeEvent(235)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>This node knows from now on to which cluster it belongs.</summary>
/// <param name="ClusterId">The id of the cluster.</param>
public sealed record ClusterJoined(string ClusterId) : NodeEvent(236);

/// <summary>
/// A connected member is silent for longer than it usually is: groups that it leads look for another leader,
/// unless lease reads are on.
/// </summary>
/// <param name="Peer">The name of the member.</param>
/// <param name="SilentMs">How long nothing came from it, in milliseconds.</param>
/// <param name="LimitMs">From how long a silence on it is suspected now, in milliseconds.</param>
public sealed record PeerSuspected(string Peer, long SilentMs, long LimitMs) : NodeEvent(237)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>A suspected member was heard again.</summary>
/// <param name="Peer">The name of the member.</param>
/// <param name="SuspectedMs">How long it was suspected, in milliseconds.</param>
public sealed record PeerUnsuspected(string Peer, long SuspectedMs) : NodeEvent(238);

/// <summary>
/// The node cannot go on (a write to its disk failed): it acknowledges nothing any more and the host must end
/// the process.
/// </summary>
/// <param name="Message">What failed.</param>
/// <param name="Cause">The error; null if there is none.</param>
public sealed record NodeFailed(string Message, Exception? Cause) : NodeEvent(240)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>This node could not join a cluster yet; it goes on asking.</summary>
/// <param name="Reason">Who was asked, what stands in the way, and what to do.</param>
public sealed record JoinFailed(string Reason) : NodeEvent(241)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>
/// This node was away while members came and left, and has learned the members of now from another node.
/// </summary>
/// <param name="From">The address of the node that was asked.</param>
/// <param name="Members">The names of the members.</param>
public sealed record MembersLearned(string From, string Members) : NodeEvent(249);

/// <summary>This node hears no leader, has asked another node for the members, and is refused.</summary>
/// <param name="From">The address of the node that was asked.</param>
/// <param name="Reason">Why, and what to do.</param>
public sealed record SearchRefused(string From, string Reason) : NodeEvent(250)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>A node has become a member, or the cluster wants something else of a member.</summary>
/// <param name="Member">The name of the member.</param>
/// <param name="Status">active, draining, leaving, lost or removed.</param>
public sealed record MemberChanged(string Member, string Status) : NodeEvent(242);

/// <summary>All members speak a newer format version, and the cluster has it from now on.</summary>
/// <param name="Version">The version.</param>
public sealed record FormatRaised(long Version) : NodeEvent(255);

/// <summary>
/// The leader of a group has begun a step towards its target: it adds or removes replicas, or lets others
/// vote.
/// </summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Step">Which nodes change, and how.</param>
public sealed record ReplicasChanging(string Keyspace, PartitionId Partition, string Step)
    : ReplicaEvent(243, Keyspace, Partition);

/// <summary>The replica was made on this node, for a group that there is already.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Partition">The partition.</param>
public sealed record ReplicaAdded(string Keyspace, PartitionId Partition)
    : ReplicaEvent(244, Keyspace, Partition);

/// <summary>The replica is no member of its group any more, and its data on this node was deleted.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Partition">The partition.</param>
public sealed record ReplicaRemoved(string Keyspace, PartitionId Partition)
    : ReplicaEvent(245, Keyspace, Partition);

/// <summary>The metadata group's leader has changed where replicas should be.</summary>
/// <param name="Groups">How many groups have another target.</param>
/// <param name="Why">The most urgent reason.</param>
public sealed record TargetsChanged(long Groups, string Why) : NodeEvent(246);

/// <summary>
/// Writes of quorum keyspaces came with timestamps that are too far ahead of this node's clock: it stores
/// none of them. Told once a minute at most.
/// </summary>
/// <param name="Count">How many, since the start.</param>
/// <param name="OffsetMaxMs">How far ahead they may be, in milliseconds.</param>
public sealed record TimestampsRefused(long Count, long OffsetMaxMs) : NodeEvent(248)
{
    /// <inheritdoc/>
    public override bool IsWarning => true;
}

/// <summary>An operator has changed the cluster; a majority has it.</summary>
/// <param name="Change">What is so from now on.</param>
/// <param name="Through">The name of the node that was asked.</param>
/// <param name="By">By which means and from where; empty if it is not known.</param>
public sealed record AdminChanged(string Change, string Through, string By) : NodeEvent(247);
