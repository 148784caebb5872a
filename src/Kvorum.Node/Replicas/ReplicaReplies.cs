using Kvorum.Node.Budgets;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>The replies of a replica. It remembers nothing. Owned by the node loop.</summary>
internal sealed class ReplicaReplies(IReplicaHost host, ReplicaParts parts, ReplicaCondition condition)
{
    private readonly RaftNode _raft = parts.Raft;

    /// <summary>The caller has lost interest.</summary>
    public static Reply Cancelled => new() { Status = ReplyStatus.Cancelled };

    private string Name => parts.Identity.Name;

    private uint Partition => parts.Identity.Partition.Value;

    private string LeaderAddress =>
        _raft.Leader is { } leader ? host.Cluster.ClientAddressOf(leader) : "";

    /// <summary>A key was read.</summary>
    public Reply Read(in ReadAnswer answer, bool stale) => new()
    {
        Status = ReplyStatus.Ok,
        Found = answer.Found,
        Value = answer.Value,
        Version = answer.Version,
        Partition = Partition,
        Epoch = host.Cluster.Epoch,
        Leader = LeaderAddress,
        Stale = stale,
    };

    /// <summary>A write was applied.</summary>
    public Reply Applied(in Outcome outcome) => new()
    {
        Status = outcome.Status,
        Message = outcome.Status switch
        {
            ReplyStatus.ConditionFailed when outcome.Version == 0 => "the key is absent",
            ReplyStatus.ConditionFailed => $"the key's version is {outcome.Version}",
            ReplyStatus.SessionExpired => "the record of so old a request is forgotten: "
                + "it was not applied now, but may have been before",
            _ => "",
        },
        Found = outcome.Found,
        Value = outcome.Value,
        Version = outcome.Version,
        Replayed = outcome.Replayed,
        Partition = Partition,
        Epoch = host.Cluster.Epoch,
        Leader = LeaderAddress,
    };

    /// <summary>Another replica leads, or none.</summary>
    public Reply NotLeader() => new()
    {
        Status = ReplyStatus.NotLeader,
        Message = _raft.Leader is null
            ? $"{Name} has no leader: {host.Cluster.WhyNoLeader()}"
            : $"{host.Cluster.NameOf(host.Cluster.Self)} does not lead {Name}",
        Partition = Partition,
        Epoch = host.Cluster.Epoch,
        Leader = LeaderAddress,
    };

    /// <summary>Too much is under way.</summary>
    public Reply Overloaded() => new()
    {
        Status = ReplyStatus.Overloaded,
        Message = $"{Name} has too many writes under way: retry after a pause",
        Partition = Partition,
        Leader = LeaderAddress,
    };

    /// <summary>The disk is almost full here, and no other replica can lead.</summary>
    public Reply OutOfSpace() => new()
    {
        Status = ReplyStatus.OutOfSpace,
        Message = $"the disk of {host.Cluster.NameOf(_raft.Id)}, which leads {Name}, "
            + $"is almost full ({host.Disk.Free} free): nothing was written; reads are served"
            + (host.Disk.Level == DiskLevel.Low ? ", deletes are taken" : "") + "; make room on that disk",
        Partition = Partition,
        Leader = LeaderAddress,
    };

    /// <summary>A write was proposed, and what became of it cannot be known here.</summary>
    public Reply OutcomeUnknown() => new()
    {
        Status = ReplyStatus.OutcomeUnknown,
        Message = "leadership was lost after the write was proposed: it may have happened; "
            + "give a client id and request id to retry safely",
        Partition = Partition,
        Leader = LeaderAddress,
    };

    /// <summary>The call's time is up.</summary>
    public Reply DeadlineExceeded(Call call) => new()
    {
        Status = ReplyStatus.DeadlineExceeded,
        Message = _raft.Leader is null
            ? $"{Name} has no leader: {host.Cluster.WhyNoLeader()}"
            : call.Request.IsWrite
                ? $"the write was not committed within {call.Timeout.TotalMilliseconds:0} ms: "
                    + "it may still happen, or not"
                : $"the read was not confirmed by a majority within {call.Timeout.TotalMilliseconds:0} ms",
        Partition = Partition,
        Leader = LeaderAddress,
    };

    /// <summary>This replica is quarantined or blank, and no other is known that can answer.</summary>
    public Reply StandsStill() => new()
    {
        Status = ReplyStatus.Unavailable,
        Message = $"{host.Cluster.NameOf(_raft.Id)} cannot answer, and knows no other replica that can. "
            + condition.StandingIssue,
        Partition = Partition,
    };

    /// <summary>The data is damaged, and no other node has it.</summary>
    public Reply Damaged() => new()
    {
        Status = ReplyStatus.Unavailable,
        Message = $"the data of {Name} is damaged on "
            + $"{host.Cluster.NameOf(_raft.Id)}, and no other node has it: {condition.Damage}",
        Partition = Partition,
    };
}
