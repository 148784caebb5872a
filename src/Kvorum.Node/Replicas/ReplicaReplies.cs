using Kvorum.Node.Budgets;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>The replies of a replica. It remembers nothing. Owned by the node loop.</summary>
internal sealed class ReplicaReplies(IReplicaHost host, ReplicaParts parts, ReplicaCondition condition)
{
    private readonly RaftNode _raft = parts.Raft;
    private readonly StrongReceipts _receipts = new(host, parts);

    /// <summary>The caller has lost interest.</summary>
    public static Reply Cancelled => new() { Status = ReplyStatus.Cancelled };

    private string Name => parts.Identity.Name;

    private uint Partition => parts.Identity.Partition.Value;

    private string LeaderAddress =>
        _raft.Leader is { } leader ? host.Cluster.Members.ClientAddressOf(leader) : "";

    /// <summary>A key was read.</summary>
    public Reply Read(in ReadAnswer answer, Request request, bool stale) => new()
    {
        Status = ReplyStatus.Ok,
        Found = answer.Found,
        Value = answer.Value,
        Version = answer.Version,
        Partition = Partition,
        Epoch = host.Cluster.Epoch,
        Leader = LeaderAddress,
        Stale = stale,
        Receipt = request.WantsReceipt && request is ReadRequest read
            ? _receipts.OfRead(read.Consistency) : null,
    };

    /// <summary>A write was applied.</summary>
    public Reply Applied(in Outcome outcome, Request request) => new()
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
        Receipt = request.WantsReceipt && outcome.Status == ReplyStatus.Ok
            ? _receipts.OfWrite(outcome.Version) : null,
    };

    /// <summary>Another replica leads, or none.</summary>
    public Reply NotLeader() => Refusal(ReplyStatus.NotLeader, _raft.Leader is null
        ? $"{Name} has no leader: {host.Cluster.WhyNoLeader(parts.Group)}"
        : $"{host.Cluster.Members.NameOf(host.Cluster.Self)} does not lead {Name}");

    /// <summary>Too much is under way.</summary>
    public Reply Overloaded() => Refusal(
        ReplyStatus.Overloaded, $"{Name} has too many writes under way: retry after a pause");

    /// <summary>The disk is almost full here, and no other replica can lead.</summary>
    public Reply OutOfSpace() => Refusal(
        ReplyStatus.OutOfSpace,
        $"the disk of {host.Cluster.Members.NameOf(_raft.Id)}, which leads {Name}, "
            + $"is almost full ({host.Disk.Free} free): nothing was written; reads are served"
            + (host.Disk.Level == DiskLevel.Low ? ", deletes are taken" : "") + "; make room on that disk");

    /// <summary>A write was proposed, and what became of it cannot be known here.</summary>
    public Reply OutcomeUnknown() => Refusal(
        ReplyStatus.OutcomeUnknown,
        "leadership was lost after the write was proposed: it may have happened; "
            + "give a client id and request id to retry safely");

    /// <summary>The call's time is up.</summary>
    public Reply DeadlineExceeded(Call call) => Refusal(ReplyStatus.DeadlineExceeded, _raft.Leader is null
        ? $"{Name} has no leader: {host.Cluster.WhyNoLeader(parts.Group)}"
        : call.Request.IsWrite
            ? $"the write was not committed within {call.Timeout.TotalMilliseconds:0} ms: "
                + "it may still happen, or not"
            : $"the read was not confirmed by a majority within {call.Timeout.TotalMilliseconds:0} ms");

    /// <summary>This replica is quarantined or blank, and no other is known that can answer.</summary>
    public Reply StandsStill() => Refusal(
        ReplyStatus.Unavailable,
        $"{host.Cluster.Members.NameOf(_raft.Id)} cannot answer, and knows no other replica that "
            + $"can. {condition.StandingIssue}");

    /// <summary>The data is damaged, and no other node has it.</summary>
    public Reply Damaged() => Refusal(
        ReplyStatus.Unavailable,
        $"the data of {Name} is damaged on {host.Cluster.Members.NameOf(_raft.Id)}, and no other node has "
            + $"it: {condition.Damage}");

    private Reply Refusal(ReplyStatus status, string message) => new()
    {
        Status = status,
        Message = message,
        Partition = Partition,
        Epoch = host.Cluster.Epoch,
        Leader = LeaderAddress,
    };
}
