using System.Text.Json;
using System.Text.Json.Serialization;
using Kvorum.Client;

namespace Kvorum.Cli.Commands;

/// <summary>What a node says of its state.</summary>
internal sealed record NodeReport
{
    public required string NodeId { get; init; }

    public required string Name { get; init; }

    public required string ClusterId { get; init; }

    public required bool IsMetaLeader { get; init; }

    public required ulong MetaTerm { get; init; }

    public required bool IsReady { get; init; }

    public required string NotReadyReason { get; init; }

    public IReadOnlyList<string> Alerts { get; init; } = [];

    public required IReadOnlyList<string> MembersUp { get; init; }

    public required IReadOnlyList<string> Members { get; init; }

    public required int FailuresTolerated { get; init; }

    public required IReadOnlyList<ReplicaReport> Partitions { get; init; }

    public required long Reads { get; init; }

    public required long Writes { get; init; }

    public required long LogBytes { get; init; }

    /// <summary>Asks the node at the address.</summary>
    public static async Task<(NodeReport Report, string Json)> Ask(
        KvorumClient client, string address, CancellationToken cancel)
    {
        var bytes = await client.StatusAsync(address, cancel).ConfigureAwait(false);
        var report = JsonSerializer.Deserialize(bytes.Span, NodeReportJson.Default.NodeReport);
        return (report ?? throw new FormatException("the node's status is empty"),
            System.Text.Encoding.UTF8.GetString(bytes.Span));
    }

    /// <summary>The metadata group here.</summary>
    [JsonIgnore]
    public ReplicaReport? Meta => Partitions.FirstOrDefault(replica => replica.Keyspace == "system");

    /// <summary>Partitions that this node leads, the metadata group not counted.</summary>
    [JsonIgnore]
    public int Led => Partitions.Count(replica => replica is { Keyspace: not "system", Role: "leader" });
}

/// <summary>One replica on a node.</summary>
internal sealed record ReplicaReport
{
    public required string Keyspace { get; init; }

    public required uint Partition { get; init; }

    public required string Role { get; init; }

    public required ulong Term { get; init; }

    public required string Leader { get; init; }

    public required ulong Commit { get; init; }

    public required ulong Applied { get; init; }

    public required long Keys { get; init; }

    public required long Bytes { get; init; }

    public required IReadOnlyDictionary<string, ulong> FollowerLag { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(NodeReport))]
internal sealed partial class NodeReportJson : JsonSerializerContext;
