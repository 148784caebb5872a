using System.Buffers.Binary;
using Grpc.Core;
using Kvorum.Node;
using Kvorum.Protocol;

namespace Kvorum.Server.Grpc;

/// <summary>
/// kvstore.NodeInternal, the service between nodes of the ring design, over a quorum keyspace. Its contract
/// is in proto/kvstore.proto. It is for callers that know the cluster, as nodes introduce themselves.
/// </summary>
internal sealed class NodeInternalService(INode node, GrpcOptions options)
    : Ring.NodeInternal.NodeInternalBase
{
    /// <summary>The metadata by which a caller shows that it knows the cluster.</summary>
    public const string ClusterHeader = "kvorum-cluster-id";

    public override async Task<Ring.ReplicateResponse> Replicate(
        Ring.ReplicateRequest request, ServerCallContext context)
    {
        Admit(context);
        var key = Utf8Text.Encode("the key", request.Key);
        if (WhyNot(key, request.Timestamp) is { } problem)
            return new() { Error = problem };
        var value = Utf8Text.Encode("the value", request.Value);
        // The same record has the same version, whoever sends it, and how often.
        var put = new PutRequest
        {
            Keyspace = options.KvStoreKeyspace,
            Key = key,
            Value = value,
            Timestamp = request.Timestamp,
        };
        var reply = await GrpcCall.Of(context)
            .AskAsync(
                node, put, options.TimeoutDefault, context.CancellationToken, bringsVersion: true)
            .ConfigureAwait(false);
        return reply.Status == ReplyStatus.Ok
            ? new() { Success = true } : new() { Error = $"{reply.Status}: {reply.Message}" };
    }

    public override Task<Ring.Pong> Heartbeat(Ring.Ping request, ServerCallContext context)
    {
        Admit(context);
        var self = node.Map.Members.FirstOrDefault(member => member.Name == options.NodeName);
        Span<byte> id = stackalloc byte[16];
        self?.Id.TryWriteBytes(id, bigEndian: true, out _);
        return Task.FromResult(new Ring.Pong
        {
            NodeId = BinaryPrimitives.ReadUInt32BigEndian(id),
            Timestamp = request.Timestamp,
        });
    }

    private void Admit(ServerCallContext context)
    {
        if (node.Access is { IsOn: true }
            && context.GetHttpContext().Features.Get<ConnectionIdentity>() is not { IsNode: true })
        {
            throw GrpcErrors.Of(
                StatusCode.PermissionDenied,
                "rights are enforced in this cluster: NodeInternal is for those who show a node's "
                    + "certificate");
        }

        var named = context.RequestHeaders.GetValue(ClusterHeader);
        if (node.Map.ClusterId == Guid.Empty || !Guid.TryParse(named, out var id) || id != node.Map.ClusterId)
        {
            throw GrpcErrors.Of(
                StatusCode.PermissionDenied,
                $"NodeInternal is for nodes of this cluster: send the cluster's id as {ClusterHeader}");
        }
    }

    private string? WhyNot(byte[] key, ulong timestamp)
    {
        if (timestamp == 0)
            return "timestamp 0 is no version: send the one that the record has";
        var map = node.Map;
        var keyspace = map.Keyspaces.FirstOrDefault(one => one.Name == options.KvStoreKeyspace);
        if (keyspace is null)
            return $"there is no keyspace '{options.KvStoreKeyspace}', which --kvstore-keyspace names";
        if (keyspace.Mode != ReceiptText.Of(ReplicationMode.Quorum))
        {
            return $"keyspace '{keyspace.Name}' is {keyspace.Mode}: its log gives the versions. Name a "
                + "quorum keyspace with --kvstore-keyspace";
        }

        var partition = KeySlot.PartitionOf(KeySlot.Of(key), keyspace.Partitions.Count);
        var replicas = keyspace.Partitions[(int)partition].Replicas;
        return replicas.Any(at => map.Members[at].Name == options.NodeName)
            ? null : $"wrong owner, map version {map.Epoch}";
    }
}

/// <summary>The same service where clients are served: it refuses them.</summary>
internal sealed class NodeInternalRefusal : Ring.NodeInternal.NodeInternalBase
{
    public override Task<Ring.ReplicateResponse> Replicate(
        Ring.ReplicateRequest request, ServerCallContext context) => throw Denied();

    public override Task<Ring.Pong> Heartbeat(Ring.Ping request, ServerCallContext context) => throw Denied();

    private static RpcException Denied() => GrpcErrors.Of(
        StatusCode.PermissionDenied,
        "NodeInternal is for nodes: it is served at --peer-addr, if --kvstore-keyspace names a keyspace");
}
