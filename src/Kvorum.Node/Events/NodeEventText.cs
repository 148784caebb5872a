using System.Diagnostics;

namespace Kvorum.Node.Events;

/// <summary>Puts events into words, for logs and for the alerts of a node's status.</summary>
public static class NodeEventText
{
    /// <summary>One or more sentences for an operator, without a period at the end.</summary>
    public static string Of(NodeEvent happened) => happened switch
    {
        ReplicaEvent one => $"{one.Keyspace}/{one.Partition}: {OfReplica(one)}",
        DiskRoomChanged one => one.Issue ?? $"there is room on the disk again ({one.Free} free)",
        LogPaceChanged one => one.Issue ?? "writes to this node's log are fast again: it may lead",
        ClockOffsetChanged one => one.Issue ?? "this node's clock and those of a majority agree again",
        TableNotChecked one => $"a table could not be checked: {one.Reason}",
        NodeExpelled { IsNew: true } one => $"this node takes no part any more: {one.Reason}",
        NodeExpelled one => $"this node takes no part: {one.Reason}",
        RefusedByPeer one => $"{one.Peer} refuses this node: {one.Reason}",
        PeerRefused one => $"{one.Peer} is refused: {one.Reason}",
        PeerReturned one => $"{one.Peer} is back with the data folder that this node knows",
        FrameDropped one => $"a {one.Kind} frame from {one.Peer} is malformed and was dropped: {one.Reason}",
        StrangersIgnored one => $"--peers names {one.Members}, which the cluster of this data folder does "
            + $"not have, and is ignored there: the members are {one.Founders}. A member that has moved is "
            + "named by its id or name, as id@host:port; a new one is started with --join. For a new cluster "
            + "give --data an empty folder",
        ClusterJoined one => $"this node belongs to cluster {one.ClusterId} from now on",
        PeerSuspected one => $"{one.Peer} is suspected: nothing came from it for {one.SilentMs} ms, and the "
            + $"limit is {one.LimitMs} ms. Groups that it leads look for another leader",
        PeerUnsuspected one => $"{one.Peer} is heard again, after {one.SuspectedMs} ms as a suspect",
        JoinFailed one => $"this node has not joined a cluster yet: {one.Reason}",
        MembersLearned one => $"the members are {one.Members}, says {one.From}: they have changed while this "
            + "node was away",
        SearchRefused one => $"this node hears no leader of the metadata group, and {one.From}, which was "
            + $"asked for the members, refuses it: {one.Reason}",
        FormatRaised one => $"the cluster has format version {one.Version} from now on, which all its "
            + "members speak: a kvorum that does not speak it cannot run on this node's data folder any more",
        MemberChanged one => $"{one.Member} is {one.Status} from now on",
        TargetsChanged one => $"other nodes are to hold replicas of {one.Groups} group(s): {one.Why}",
        AdminChanged one => $"{(one.By.Length > 0 ? one.By : "an operator")} has decided through "
            + $"{one.Through}: {one.Change}",
        TimestampsRefused one => $"{one.Count} timestamps of writes to quorum keyspaces were refused since "
            + $"the start: they were more than {one.OffsetMaxMs} ms ahead of this node's clock, and nothing "
            + "was stored under them. Compare the clocks of the members, and set right the wrong one",
        NodeFailed { Cause: { } cause } one => $"{one.Message}: {cause.Message}",
        NodeFailed one => one.Message,
        _ => throw new UnreachableException($"There are no words for {happened.GetType().Name}."),
    };

    private static string OfReplica(ReplicaEvent happened) => happened switch
    {
        RoleChanged one => $"{one.Role} in term {one.Term}, the leader is "
            + (one.Leader.Length > 0 ? one.Leader : "unknown"),
        SnapshotRefused one => $"a snapshot from {one.From} {one.Reason}",
        SnapshotInstalled one => $"caught up by a snapshot to {one.Index}",
        ReplicaDamaged one => "its data on this node is damaged and not served"
            + (one.HasPeers ? "; it is rebuilt from another replica" : "") + $": {one.Damage}",
        ReplicaRebuilt one => $"rebuilt from another replica to {one.Index}",
        ReplicaQuarantined one => $"this node's replica is quarantined: {one.Contradiction}. It serves "
            + "nothing, votes for nothing and keeps all it has. Decide which side counts: kvorum doctor "
            + "shows this one, kvorum discard gives one up",
        QuarantineEnded one => "the quarantine of this node's replica ends: those of "
            + $"{one.Discarded} were discarded for it",
        ReplicaDiscarded => "this node's replica was discarded, and waits to be filled by its leader",
        ReplicaFilled => "filled by other replicas: it counts from now on",
        ReplicasChanging one => $"towards its target: {one.Step}",
        ReplicaAdded => "this node is to hold a replica, which waits to be filled by its leader",
        ReplicaRemoved => "this node holds no replica any more: its data was deleted",
        HistoryDisputed one => $"{one.Contradiction}: all voters are asked which of the two they have",
        PeersQuarantined one => $"the replica on {one.Nodes} contradicts others, and is quarantined: this "
            + "node's replica goes on. Decide which side counts: kvorum doctor shows each, kvorum discard "
            + "gives one up",
        _ => throw new UnreachableException($"There are no words for {happened.GetType().Name}."),
    };
}
