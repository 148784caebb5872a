using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Kvorum.Node;

/// <summary>What one replica has of a key.</summary>
public sealed record ReplicaOfKey
{
    /// <summary>Name of its node.</summary>
    [Description("Name of its node.")]
    public required string Name { get; init; }

    /// <summary>How its node is seen by the node that was asked.</summary>
    [AllowedValues("up", "suspect", "down")]
    public required string State { get; init; }

    /// <summary>Whether it stays, comes or goes.</summary>
    [Description("Whether the replica stays, or comes or goes by a change that is under way.")]
    [AllowedValues("stays", "comes", "goes")]
    public string Place { get; init; } = "stays";

    /// <summary>Its role; empty if it is not known.</summary>
    [Description("Its role; empty if it is not known. A blank or damaged one counts for no read.")]
    [AllowedValues(
        "", "leader", "follower", "learner", "candidate", "pre-candidate", "quarantined", "replica", "blank",
        "damaged", "none", "stand-in")]
    public string Role { get; init; } = "";

    /// <summary>What it has.</summary>
    [Description("What it has: unknown where it did not answer, or its data is damaged.")]
    [AllowedValues("value", "deleted", "expired", "nothing", "unknown")]
    public string Has { get; init; } = "unknown";

    /// <summary>The version; empty if there is none.</summary>
    [Description("The version that it has; empty if it has none.")]
    public string Version { get; init; } = "";

    /// <summary>Bytes of the value.</summary>
    [Description("Bytes of the value.")]
    public long? ValueBytes { get; init; }

    /// <summary>When it ends, in Unix milliseconds; null: never.</summary>
    [Description("When the key ends, in Unix milliseconds; absent: never.")]
    public ulong? ExpiresMs { get; init; }

    /// <summary>The newest index of its log that it has applied.</summary>
    [Description("The newest entry of its log that it has applied.")]
    public ulong? Applied { get; init; }

    /// <summary>True if no replica that answered has a newer version; null if that is not known.</summary>
    [Description("Whether no replica that answered has a newer version.")]
    public bool? Newest { get; init; }

    /// <summary>Why it is not known; empty if it is.</summary>
    [Description("Why nothing is known of it.")]
    public string Reason { get; init; } = "";
}
