using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Server.Http;

/// <summary>Answer to a served write.</summary>
internal sealed record WrittenBody
{
    public bool Ok { get; init; } = true;

    [Description("The version that the key got.")]
    public required ulong Version { get; init; }

    [Description("The partition.")]
    public required uint Partition { get; init; }

    [Description("Version of the placement.")]
    public required ulong Epoch { get; init; }

    [Description("Client address of the partition's leader.")]
    public required string Leader { get; init; }

    [Description("What stands behind the answer."), AllowedValues("majority", "quorum", "lease", "none")]
    public required string Ack { get; init; }

    [Description("True if this is the stored answer to an earlier request with the same ids.")]
    public bool Replayed { get; init; }

    [Description("With return_previous: whether there was a value.")]
    public bool? HadPrevious { get; init; }

    [Description("The previous value, if it is text.")]
    public string? Previous { get; init; }

    [Description("The previous value, if it is not text."), Base64String]
    public string? PreviousBase64 { get; init; }

    [Description("What stands behind the answer, if that was asked for.")]
    public ReceiptBody? Receipt { get; init; }
}

/// <summary>Answer to a read that found its key.</summary>
internal sealed record ValueBody
{
    [Description("The key, if it is text.")]
    public string? Key { get; init; }

    [Description("The key, if it is not text."), Base64String]
    public string? KeyBase64 { get; init; }

    [Description("The value, if it is text.")]
    public string? Value { get; init; }

    [Description("The value, if it is not text."), Base64String]
    public string? ValueBase64 { get; init; }

    [Description("The key's version.")]
    public required ulong Version { get; init; }

    [Description("The partition.")]
    public required uint Partition { get; init; }

    [Description("Version of the placement.")]
    public required ulong Epoch { get; init; }

    [Description("Client address of the partition's leader.")]
    public required string Leader { get; init; }

    [Description("What stands behind the answer."), AllowedValues("majority", "quorum", "lease", "none")]
    public required string Ack { get; init; }

    [Description("What stands behind the answer, if that was asked for.")]
    public ReceiptBody? Receipt { get; init; }
}

/// <summary>One key of a scan.</summary>
internal sealed record ScanEntryBody
{
    [Description("The key, if it is text.")]
    public string? Key { get; init; }

    [Description("The key, if it is not text."), Base64String]
    public string? KeyBase64 { get; init; }

    [Description("The value, if it is text.")]
    public string? Value { get; init; }

    [Description("The value, if it is not text."), Base64String]
    public string? ValueBase64 { get; init; }

    [Description("The key's version.")]
    public required ulong Version { get; init; }
}

/// <summary>Answer to a scan: one page.</summary>
internal sealed record ScanPageBody
{
    [Description("In the order of the scan; may be none although there is more.")]
    public required IReadOnlyList<ScanEntryBody> Entries { get; init; }

    [Description("True if the range goes on behind this page.")]
    public required bool More { get; init; }

    [Description("Leads behind this page; absent if there is no more.")]
    public string? Token { get; init; }

    [Description("Version of the placement.")]
    public required ulong Epoch { get; init; }

    [Description("What stands behind the answer."), AllowedValues("majority", "quorum", "lease", "none")]
    public required string Ack { get; init; }

    [Description("What stands behind the answer, if that was asked for.")]
    public ReceiptBody? Receipt { get; init; }
}

/// <summary>Last line of a streamed scan. Without it, it was cut.</summary>
internal sealed record ScanEndBody
{
    [Description("True if the range goes on behind this line.")]
    public required bool More { get; init; }

    [Description("Leads behind this line; absent if there is no more.")]
    public string? Token { get; init; }

    [Description("Why the scan broke off; absent if it did not.")]
    public ErrorBody? Failed { get; init; }

    [Description("What stands behind the last page, if that was asked for.")]
    public ReceiptBody? Receipt { get; init; }
}

/// <summary>Any error.</summary>
internal sealed record ErrorBody
{
    [Description("What went wrong, by name.")]
    public required string Error { get; init; }

    [Description("For people.")]
    public required string Message { get; init; }

    /// <summary>See <see cref="RetryAdvice"/>.</summary>
    [Description("safe: nothing was done, as after every failed read. same-ids: a write may have happened; "
        + "retry only with the same client id and request id.")]
    [AllowedValues("never", "safe", "same-ids")]
    public required string Retry { get; init; }

    [Description("True if a write may have happened or happen yet.")]
    public bool Indeterminate { get; init; }

    [Description("Client address of the leader; empty if it is not known.")]
    public string Leader { get; init; } = "";

    [Description("A condition failed: the key's present version.")]
    public ulong? Version { get; init; }

    [Description("A write to a keyspace of mode quorum may have happened: the version that was tried, to be "
        + "given as 'tried' with the retry.")]
    public string? Tried { get; init; }

    [Description("Such a write, if a receipt was asked for: which nodes are known to have it.")]
    public ReceiptBody? Receipt { get; init; }
}

/// <summary>What stands behind an answer.</summary>
internal sealed record ReceiptBody
{
    [Description("How the keyspace replicates."), AllowedValues("strong", "quorum")]
    public required string Mode { get; init; }

    [Description("Write: the nodes on whose disks it was when it was acknowledged. Read: those that answered "
        + "or, in a strong keyspace, that confirmed the leader. Scan: those that gave a part of the page.")]
    public required IReadOnlyList<string> Nodes { get; init; }

    [Description("How many of the replicas had to be among them; of a scan, in each partition.")]
    public required int Needed { get; init; }

    [Description("How many replicas the partition has; those of a strong keyspace that vote.")]
    public required int Replicas { get; init; }

    [Description("True if what was written, or read, is on the disks of the nodes.")]
    public required bool Durable { get; init; }

    [Description("Sloppy keyspace: true if hints on other nodes were counted: reads may miss the write.")]
    public bool? ByHints { get; init; }

    [Description("Strong keyspace: the log index of the write, or that the read saw.")]
    public ulong? Index { get; init; }

    [Description("Quorum keyspace: the whole version; absent if nothing was found, or much.")]
    public string? Version { get; init; }

    [Description("How old what a read does not show may be, in milliseconds: 0 if every write that the "
        + "keyspace acknowledged before is seen. Of a write: for how long a read may miss it. Absent: that "
        + "is not promised.")]
    public ulong? StalenessMs { get; init; }

    [Description("The promise, a sentence each.")]
    public required IReadOnlyList<string> Promise { get; init; }

    /// <summary>The body of a receipt; null if there is none.</summary>
    public static ReceiptBody? Of(Receipt? receipt) => receipt is null ? null : new()
    {
        Mode = ReceiptText.Of(receipt.Mode),
        Nodes = receipt.Nodes,
        Needed = receipt.Needed,
        Replicas = receipt.Replicas,
        Durable = receipt.IsDurable,
        ByHints = receipt.IsByHints ? true : null,
        Index = receipt.Index > 0 ? receipt.Index : null,
        Version = receipt.Version?.ToString(),
        StalenessMs = receipt.StalenessMs,
        Promise = receipt.Promise,
    };
}

/// <summary>Answer of the health routes.</summary>
internal sealed record HealthBody(
    [property: AllowedValues("ok", "unavailable")] string Status,
    [property: Description("Why not.")] string Reason,
    [property: Description("Name of the node.")] string NodeId);

/// <summary>Client requests since the start.</summary>
internal sealed record OperationsBody(long Reads, long Writes);

/// <summary>Answer of /kv/stats.</summary>
internal sealed record StatsBody
{
    public required string NodeId { get; init; }

    [Description(
        "About how many: those set again since the last checkpoint may count twice until the next.")]
    public required long LocalKeys { get; init; }

    public required int Nodes { get; init; }

    public required int NodesUp { get; init; }

    [Description("Partitions of all keyspaces.")]
    public required int Partitions { get; init; }

    [Description("Replicas of partitions on this node.")]
    public required int LocalReplicas { get; init; }

    [Description("How many of them lead.")]
    public required int LocalLeaders { get; init; }

    public required long Bytes { get; init; }

    public required long LogBytes { get; init; }

    public required OperationsBody Ops { get; init; }

    [Description(
        "Quorum keyspaces: writes that came to replicas of this node after a newer one of the key.")]
    public required long Superseded { get; init; }

    [Description("Entries that each follower is behind in the partitions led here, added up, by name.")]
    public required SortedDictionary<string, ulong> Lag { get; init; }
}

/// <summary>Answer to a change.</summary>
internal sealed record ChangedBody
{
    public bool Ok { get; init; } = true;

    [Description("For people: what is so from now on, or would be.")]
    public required string Message { get; init; }

    [Description("True if nothing was changed, because only the outcome was asked for.")]
    public required bool DryRun { get; init; }

    [Description("With dry_run: what would be copied between nodes, in bytes.")]
    public long? MovedBytes { get; init; }

    [Description("With dry_run: what promise would be lost; without force the change is then refused.")]
    public required IReadOnlyList<string> Reasons { get; init; }

    [Description("After a change of the limits: all of them.")]
    public MoveLimits? Limits { get; init; }

    [Description("The API key that was made: told this once, and known to nobody afterwards.")]
    public string? ApiKey { get; init; }
}

/// <summary>The rights of a role, as a request gives them.</summary>
/// <param name="Grants">The rights.</param>
internal sealed record RoleBody(
    [property: Description("What users of the role may do; empty for nothing.")]
    IReadOnlyList<GrantSpec> Grants);

/// <summary>What the cluster keeps of a join token, as a request gives it.</summary>
/// <param name="Node">The node.</param>
/// <param name="ProofHash">SHA-256 of what the node shows.</param>
/// <param name="Sealed">What it is given then.</param>
/// <param name="ExpiresMs">The end.</param>
internal sealed record NewJoinTokenBody(
    [property: Description("The node that the sealed certificate names.")] string Node,
    [property: Description("SHA-256 of what a node shows that has the token.")] byte[] ProofHash,
    [property: Description("Certificate, key and CAs, encrypted so that the node alone can read them.")]
    byte[] Sealed,
    [property: Description("From when on it is not accepted, in Unix milliseconds; 7 days ahead at most.")]
    ulong ExpiresMs);

/// <summary>The join tokens.</summary>
internal sealed record JoinTokensBody
{
    public required IReadOnlyList<AccessReport.JoinTokenReport> JoinTokens { get; init; }
}

/// <summary>What has happened in the cluster.</summary>
internal sealed record EventsBody
{
    public required IReadOnlyList<ClusterEvent> Events { get; init; }

    [Description("Position of the oldest event that is kept; 0 if none is.")]
    public required ulong OldestEvent { get; init; }

    [Description("Position of the newest event that the node was told of; 0 if there is none.")]
    public required ulong NewestEvent { get; init; }

    [Description("The cluster that the positions are of; empty while the node does not know it.")]
    public required Guid ClusterId { get; init; }

    [Description("Why the node may be late with news; empty if it is not.")]
    public required string Message { get; init; }
}

/// <summary>
/// A line between events: nothing has happened for a while, or the stream ends and says why. Without a last
/// one that has failed, it was cut.
/// </summary>
internal sealed record EventsMarkBody
{
    [Description("The position of the last event: go on behind it.")]
    public required ulong Position { get; init; }

    [Description("Why the stream ends; absent if it goes on.")]
    public ErrorBody? Failed { get; init; }
}

/// <summary>The members of the cluster.</summary>
internal sealed record MembersBody
{
    [Description("Leader of the metadata group; empty if none could be reached.")]
    public required string Leader { get; init; }

    [Description("Why there is no leader: then this is what the asked node knows itself.")]
    public required string Reason { get; init; }

    public required IReadOnlyList<MemberReport> Members { get; init; }
}

/// <summary>The keyspaces.</summary>
internal sealed record KeyspacesBody
{
    public required IReadOnlyList<KeyspaceReport> Keyspaces { get; init; }
}

/// <summary>The partitions.</summary>
internal sealed record PartitionsBody
{
    [Description("Why this is what the asked node knows itself; empty if the leader tells it.")]
    public required string Reason { get; init; }

    public required IReadOnlyList<PartitionReport> Partitions { get; init; }
}

/// <summary>The partitions, counted.</summary>
internal sealed record PartitionStatsBody
{
    public required int Partitions { get; init; }

    [Description("Of which a leader is known.")]
    public required int WithLeader { get; init; }

    [Description("Whose replicas are known to be where they should be.")]
    public required int AtTarget { get; init; }

    [Description("What one replica of each takes on disk, as far as it is known, added up.")]
    public required long Bytes { get; init; }
}

/// <summary>
/// How the bodies are written: snake_case names, absent values left out.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(WrittenBody))]
[JsonSerializable(typeof(ValueBody))]
[JsonSerializable(typeof(ScanPageBody))]
[JsonSerializable(typeof(ScanEntryBody))]
[JsonSerializable(typeof(ScanEndBody))]
[JsonSerializable(typeof(ErrorBody))]
[JsonSerializable(typeof(ReceiptBody))]
[JsonSerializable(typeof(HealthBody))]
[JsonSerializable(typeof(StatsBody))]
[JsonSerializable(typeof(NodeStatus))]
[JsonSerializable(typeof(ClusterMap))]
[JsonSerializable(typeof(ClusterReport))]
[JsonSerializable(typeof(EventsBody))]
[JsonSerializable(typeof(EventsMarkBody))]
[JsonSerializable(typeof(MembersBody))]
[JsonSerializable(typeof(KeyspacesBody))]
[JsonSerializable(typeof(PartitionsBody))]
[JsonSerializable(typeof(PartitionStatsBody))]
[JsonSerializable(typeof(KeyLocation))]
[JsonSerializable(typeof(KeyspaceExplanation))]
[JsonSerializable(typeof(KeyExplanation))]
[JsonSerializable(typeof(ChangedBody))]
[JsonSerializable(typeof(IdentityReport))]
[JsonSerializable(typeof(AccessReport))]
[JsonSerializable(typeof(JoinTokensBody))]
[JsonSerializable(typeof(JsonObject))]
internal sealed partial class BodyContext : JsonSerializerContext;

/// <summary>How bodies of requests are read: what is not known is refused, never passed over.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(RoleBody))]
[JsonSerializable(typeof(NewJoinTokenBody))]
internal sealed partial class RequestBodyContext : JsonSerializerContext;
