using System.Text.Json.Serialization;
using Kvorum.Protocol;

namespace Kvorum.Node.Administration;

/// <summary>
/// The answer to an <see cref="AdminRequest"/>. Ok for a change means that a majority has it on disk.
/// </summary>
public sealed record AdminReply
{
    /// <summary>What became of it.</summary>
    [JsonConverter(typeof(ReplyStatusJson))]
    public required ReplyStatus Status { get; init; }

    /// <summary>For people: what was done or would be, or what stands in the way and what to do.</summary>
    public string Message { get; init; } = "";

    /// <summary>True if nothing was changed because only the outcome was asked for.</summary>
    public bool DryRun { get; init; }

    /// <summary>What would be copied between nodes, in bytes, if it was asked for.</summary>
    public long? MovedBytes { get; init; }

    /// <summary>Why the change is impossible, or what promise it costs, a sentence each.</summary>
    public IReadOnlyList<string> Reasons { get; init; } = [];

    /// <summary>The cluster, if it was asked for.</summary>
    public ClusterReport? Cluster { get; init; }

    /// <summary>The partitions, if they were asked for.</summary>
    public IReadOnlyList<PartitionReport>? Partitions { get; init; }

    /// <summary>Where the key is, if that was asked for.</summary>
    public KeyLocation? Location { get; init; }

    /// <summary>What the keyspace promises, if that was asked for.</summary>
    public KeyspaceExplanation? Promise { get; init; }

    /// <summary>Which replicas hold the key, if that was asked for.</summary>
    public KeyExplanation? Holders { get; init; }

    /// <summary>What this node's replica has of the key, if that was asked for.</summary>
    public ReplicaOfKey? Replica { get; init; }

    /// <summary>The events, if they were asked for, the oldest first: some hundreds at most.</summary>
    public IReadOnlyList<ClusterEvent>? Events { get; init; }

    /// <summary>With events: position of the oldest that is kept; 0 if none is.</summary>
    public ulong? OldestEvent { get; init; }

    /// <summary>With events: position of the newest that the node was told of; 0 if there is none.</summary>
    public ulong? NewestEvent { get; init; }

    /// <summary>With events: the cluster that the positions are of; empty while it is not known.</summary>
    public Guid? ClusterId { get; init; }

    /// <summary>Users, roles and API keys, if they were asked for.</summary>
    public AccessReport? Access { get; init; }

    /// <summary>Who asks, and with which rights, if that was asked for.</summary>
    public IdentityReport? Identity { get; init; }

    /// <summary>The API key that was made: told this once, and known to nobody afterwards.</summary>
    public string? ApiKey { get; init; }

    /// <summary>The limits of moves after a change of them.</summary>
    public MoveLimits? Limits { get; init; }

    /// <summary>An answer that has nothing but words.</summary>
    public static AdminReply Of(ReplyStatus status, string message) =>
        new() { Status = status, Message = message };
}
