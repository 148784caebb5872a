using System.Text.Json.Serialization;
using Kvorum.Node;
using Kvorum.Protocol;

namespace Kvorum.Server.Http;

/// <summary>Answer to a served write.</summary>
internal sealed record WriteBody
{
    public bool Ok { get; init; } = true;

    public required ulong Version { get; init; }

    public required uint Partition { get; init; }

    public required ulong Epoch { get; init; }

    public required string Leader { get; init; }

    public required string Ack { get; init; }

    public bool Replayed { get; init; }

    /// <summary>With return_previous: whether there was a previous value.</summary>
    public bool? HadPrevious { get; init; }

    public string? Previous { get; init; }

    public string? PreviousBase64 { get; init; }
}

/// <summary>Answer to a read that found its key.</summary>
internal sealed record ValueBody
{
    public string? Key { get; init; }

    public string? KeyBase64 { get; init; }

    public string? Value { get; init; }

    public string? ValueBase64 { get; init; }

    public required ulong Version { get; init; }

    public required uint Partition { get; init; }

    public required ulong Epoch { get; init; }

    public required string Leader { get; init; }

    public required string Ack { get; init; }
}

/// <summary>One key of a scan.</summary>
internal sealed record ScanEntryBody
{
    public string? Key { get; init; }

    public string? KeyBase64 { get; init; }

    public string? Value { get; init; }

    public string? ValueBase64 { get; init; }

    public required ulong Version { get; init; }
}

/// <summary>Answer to a scan: one page.</summary>
internal sealed record ScanBody
{
    public required IReadOnlyList<ScanEntryBody> Entries { get; init; }

    /// <summary>True if the range goes on behind this page.</summary>
    public required bool More { get; init; }

    /// <summary>Leads behind this page.</summary>
    public string? Token { get; init; }

    public required ulong Epoch { get; init; }

    public required string Ack { get; init; }
}

/// <summary>
/// Last line of a streamed scan: that it is whole, or how to go on, or why it broke. Without it, it was cut.
/// </summary>
internal sealed record ScanEndBody
{
    public required bool More { get; init; }

    public string? Token { get; init; }

    public ErrorBody? Failed { get; init; }
}

/// <summary>Any error.</summary>
internal sealed record ErrorBody
{
    public required string Error { get; init; }

    public required string Message { get; init; }

    /// <summary>never, safe or same-ids: see <see cref="RetryAdvice"/>.</summary>
    public required string Retry { get; init; }

    /// <summary>True if a write may have happened or happen yet.</summary>
    public bool Indeterminate { get; init; }

    public string Leader { get; init; } = "";

    /// <summary>A condition failed: the key's present version.</summary>
    public ulong? Version { get; init; }
}

/// <summary>Answer of the health routes.</summary>
internal sealed record HealthBody(string Status, string Reason, string NodeId);

/// <summary>Client requests since the start.</summary>
internal sealed record OperationsBody(long Reads, long Writes);

/// <summary>Answer of /kv/stats.</summary>
internal sealed record StatsBody
{
    public required string NodeId { get; init; }

    public required long LocalKeys { get; init; }

    public required int Nodes { get; init; }

    public required int NodesUp { get; init; }

    /// <summary>Partitions of all keyspaces.</summary>
    public required int Partitions { get; init; }

    /// <summary>Replicas of partitions on this node, and how many of them lead.</summary>
    public required int LocalReplicas { get; init; }

    public required int LocalLeaders { get; init; }

    public required long Bytes { get; init; }

    public required long LogBytes { get; init; }

    public required OperationsBody Ops { get; init; }

    /// <summary>Entries that each follower is behind in the partitions led here, added up, by name.</summary>
    public required SortedDictionary<string, ulong> Lag { get; init; }
}

/// <summary>
/// How the bodies are written: snake_case names, absent values left out.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(WriteBody))]
[JsonSerializable(typeof(ValueBody))]
[JsonSerializable(typeof(ScanBody))]
[JsonSerializable(typeof(ScanEntryBody))]
[JsonSerializable(typeof(ScanEndBody))]
[JsonSerializable(typeof(ErrorBody))]
[JsonSerializable(typeof(HealthBody))]
[JsonSerializable(typeof(StatsBody))]
[JsonSerializable(typeof(NodeStatus))]
[JsonSerializable(typeof(ClusterMap))]
internal sealed partial class BodyContext : JsonSerializerContext;
