using Google.Protobuf;
using Grpc.Core;
using Kvorum.Node;
using Kvorum.Protocol;

namespace Kvorum.Server.Grpc;

/// <summary>
/// Between the messages of kvorum.v1 and the requests and replies of the node. Keys and values are not copied
/// on the way in.
/// </summary>
internal static class KvMessages
{
    public static PutRequest From(V1.PutRequest put) => new()
    {
        Keyspace = Keyspace(put.Keyspace),
        Key = put.Key.Memory,
        Value = put.Value.Memory,
        ClientId = put.ClientId,
        RequestId = put.RequestId,
        TtlMs = put.TtlMs,
        IfVersion = put.ConditionCase == V1.PutRequest.ConditionOneofCase.IfVersion ? put.IfVersion : null,
        ReturnPrevious = put.ReturnPrevious,
        Quorum = QuorumOf(put.Quorum),
        WantsReceipt = put.Receipt,
        After = put.After,
        Tried = TriedOf(put.Tried),
        Timestamp = put.Timestamp,
        NoRedirect = put.NoRedirect,
    };

    public static GetRequest From(V1.GetRequest get) => new()
    {
        Keyspace = Keyspace(get.Keyspace),
        Key = get.Key.Memory,
        Consistency = ConsistencyOf(get.Consistency),
        Quorum = QuorumOf(get.Quorum),
        WantsReceipt = get.Receipt,
        NoRedirect = get.NoRedirect,
    };

    public static DeleteRequest From(V1.DeleteRequest delete) => new()
    {
        Keyspace = Keyspace(delete.Keyspace),
        Key = delete.Key.Memory,
        ClientId = delete.ClientId,
        RequestId = delete.RequestId,
        IfVersion = delete.ConditionCase == V1.DeleteRequest.ConditionOneofCase.IfVersion
            ? delete.IfVersion
            : null,
        ReturnPrevious = delete.ReturnPrevious,
        Quorum = QuorumOf(delete.Quorum),
        WantsReceipt = delete.Receipt,
        After = delete.After,
        Tried = TriedOf(delete.Tried),
        Timestamp = delete.Timestamp,
        NoRedirect = delete.NoRedirect,
    };

    public static ScanRequest From(V1.ScanRequest scan)
    {
        var range = KeyRange.Of(scan.Prefix.Memory, scan.From.Memory, scan.End.Memory);
        return new()
        {
            Keyspace = Keyspace(scan.Keyspace),
            Key = range.From,
            End = range.End,
            Reverse = scan.Reverse,
            KeysOnly = scan.KeysOnly,
            Consistency = ConsistencyOf(scan.Consistency),
            Quorum = QuorumOf(scan.Quorum),
            WantsReceipt = scan.Receipt,
            PageBytes = scan.PageBytes,
            Token = scan.Token.Memory,
        };
    }

    public static V1.PutResponse ToPut(Request request, Reply reply) => new()
    {
        Header = HeaderOf(reply, ReplyAck.Of(request, reply)),
        HadPrevious = reply.Found,
        Previous = UnsafeByteOperations.UnsafeWrap(reply.Value),
        Replayed = reply.Replayed,
    };

    public static V1.GetResponse ToGet(GetRequest request, Reply reply) => new()
    {
        Header = HeaderOf(reply, ReplyAck.Of(request, reply)),
        Found = reply.Found,
        Value = UnsafeByteOperations.UnsafeWrap(reply.Value),
        Stale = reply.Stale,
    };

    public static V1.DeleteResponse ToDelete(Request request, Reply reply) => new()
    {
        Header = HeaderOf(reply, ReplyAck.Of(request, reply)),
        HadPrevious = reply.Found,
        Previous = UnsafeByteOperations.UnsafeWrap(reply.Value),
        Replayed = reply.Replayed,
    };

    public static V1.ScanReply ToScan(ScanPage page, Reply from)
    {
        var reply = new V1.ScanReply
        {
            More = !page.Token.IsEmpty,
            Token = UnsafeByteOperations.UnsafeWrap(page.Token),
            Stale = from.Stale,
            Receipt = ReceiptOf(from.Receipt),
        };
        reply.Entries.AddRange(page.Entries.Select(static entry => new V1.Entry
        {
            Key = UnsafeByteOperations.UnsafeWrap(entry.Key),
            Version = entry.Version,
            Value = UnsafeByteOperations.UnsafeWrap(entry.Value),
        }));
        return reply;
    }

    public static V1.Error ToError(Request request, Reply reply)
    {
        var outcome = ReplyOutcome.Of(reply.Status);
        return new()
        {
            Code = (int)outcome.Grpc,
            Message = ReplyOutcome.MessageOf(reply),
            Status = outcome.Name,
            Retry = RetryTable.NameOf(RetryTable.AdviceOf(reply.Status, request)),
            Header = HeaderOf(reply, ""),
        };
    }

    public static V1.HealthResponse ToHealth(NodeStatus status)
    {
        var health = new V1.HealthResponse
        {
            NodeId = status.Name,
            IsLeader = status.IsMetaLeader,
            Term = status.MetaTerm,
            NodeUuid = status.NodeId.ToString(),
            ClusterId = status.ClusterId.ToString(),
            Ready = status.IsReady,
            NotReadyReason = status.NotReadyReason,
            FailuresTolerated = (uint)status.FailuresTolerated,
            FailuresToleratedNow = (uint)status.FailuresToleratedNow,
        };
        health.Members.AddRange(status.Members);
        health.MembersUp.AddRange(status.MembersUp);
        health.Partitions.AddRange(status.Partitions.Select(ToHealth));
        return health;
    }

    private static V1.PartitionHealth ToHealth(PartitionStatus status)
    {
        var health = new V1.PartitionHealth
        {
            Keyspace = status.Keyspace,
            Partition = status.Partition.Value,
            Role = status.Role,
            Term = status.Term,
            Leader = status.Leader,
            CommitIndex = status.Commit,
            AppliedIndex = status.Applied,
            LastIndex = status.LastIndex,
            Keys = (ulong)status.Keys,
            Bytes = (ulong)status.Bytes,
            Superseded = (ulong)status.Superseded,
        };
        foreach (var (name, lag) in status.FollowerLag)
            health.FollowerLag.Add(name, lag);
        return health;
    }

    private static V1.Header HeaderOf(Reply reply, string ack) => new()
    {
        Leader = reply.Leader,
        Partition = reply.Partition,
        Version = reply.Version,
        Epoch = reply.Epoch,
        Ack = ack,
        Writer = reply.Writer,
        Receipt = ReceiptOf(reply.Receipt),
    };

    /// <summary>A receipt; null if there is none.</summary>
    public static V1.Receipt? ReceiptOf(Receipt? receipt)
    {
        if (receipt is null)
            return null;
        var message = new V1.Receipt
        {
            Mode = ReceiptText.Of(receipt.Mode),
            Nodes = { receipt.Nodes },
            Needed = (uint)receipt.Needed,
            Replicas = (uint)receipt.Replicas,
            Durable = receipt.IsDurable,
            ByHints = receipt.IsByHints,
            Index = receipt.Index,
            Version = receipt.Version?.ToString() ?? "",
            Promise = { receipt.Promise },
        };
        if (receipt.StalenessMs is { } staleness)
            message.StalenessMs = staleness;
        return message;
    }

    private static QuorumLevel? QuorumOf(string text) => text.Length == 0 ? null
        : QuorumLevel.ParseOrNull(text) ?? throw GrpcErrors.Of(
            StatusCode.InvalidArgument,
            $"quorum is '{Utf8Text.Message(text, 64)}'; it is {QuorumLevel.Forms}");

    private static WriteVersion? TriedOf(string text) => text.Length == 0 ? null
        : WriteVersion.ParseOrNull(text) ?? throw GrpcErrors.Of(
            StatusCode.InvalidArgument,
            $"tried is '{Utf8Text.Message(text, 64)}'; it is {WriteVersion.Form}");

    private static string Keyspace(string name) => name.Length > 0 ? name : KeyspaceName.Default;

    private static ReadConsistency ConsistencyOf(V1.Consistency consistency) => consistency switch
    {
        V1.Consistency.Linearizable => ReadConsistency.Linearizable,
        V1.Consistency.Lease => ReadConsistency.Lease,
        V1.Consistency.Stale => ReadConsistency.Stale,
        _ => throw GrpcErrors.Of(
            StatusCode.InvalidArgument,
            $"consistency {(int)consistency} is not known: 0 linearizable, 1 lease, 2 stale"),
    };
}
