using System.Text.Json.Serialization;
using Kvorum.Node.Access;

namespace Kvorum.Node.Administration;

/// <summary>
/// What an operator asks of the cluster: a closed family. Any node takes it, see <see cref="INode"/>. In JSON
/// each is an object whose "action" names its kind.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "action")]
[JsonDerivedType(typeof(ShowCluster), "show_cluster")]
[JsonDerivedType(typeof(ShowPartitions), "show_partitions")]
[JsonDerivedType(typeof(LocateKey), "locate_key")]
[JsonDerivedType(typeof(ExplainKeyspace), "explain_keyspace")]
[JsonDerivedType(typeof(ExplainKey), "explain_key")]
[JsonDerivedType(typeof(ShowReplica), "show_replica")]
[JsonDerivedType(typeof(ShowHint), "show_hint")]
[JsonDerivedType(typeof(ShowEvents), "show_events")]
[JsonDerivedType(typeof(ChangeMember), "change_member")]
[JsonDerivedType(typeof(CreateKeyspace), "create_keyspace")]
[JsonDerivedType(typeof(AlterKeyspace), "alter_keyspace")]
[JsonDerivedType(typeof(DropKeyspace), "drop_keyspace")]
[JsonDerivedType(typeof(ChangeLimits), "change_limits")]
[JsonDerivedType(typeof(TransferLeadership), "transfer_leadership")]
[JsonDerivedType(typeof(ShowIdentity), "show_identity")]
[JsonDerivedType(typeof(ShowAccess), "show_access")]
[JsonDerivedType(typeof(SetRole), "set_role")]
[JsonDerivedType(typeof(DropRole), "drop_role")]
[JsonDerivedType(typeof(CreateUser), "create_user")]
[JsonDerivedType(typeof(AlterUser), "alter_user")]
[JsonDerivedType(typeof(DropUser), "drop_user")]
[JsonDerivedType(typeof(CreateApiKey), "create_api_key")]
[JsonDerivedType(typeof(RevokeApiKey), "revoke_api_key")]
[JsonDerivedType(typeof(EnforceRights), "enforce_rights")]
[JsonDerivedType(typeof(CreateJoinToken), "create_join_token")]
[JsonDerivedType(typeof(RevokeJoinToken), "revoke_join_token")]
[JsonDerivedType(typeof(UseJoinToken), "use_join_token")]
[JsonDerivedType(typeof(ConfirmAccess), "confirm_access")]
public abstract record AdminRequest
{
    private protected AdminRequest()
    {
    }

    /// <summary>True if the request changes nothing: it may be repeated, whatever became of it.</summary>
    [JsonIgnore]
    public abstract bool IsRead { get; }

    /// <summary>What rights it takes.</summary>
    [JsonIgnore]
    public abstract AccessNeed Need { get; }
}

/// <summary>A question that changes nothing.</summary>
public abstract record AdminQuestion : AdminRequest
{
    private protected AdminQuestion()
    {
    }

    /// <inheritdoc/>
    [JsonIgnore]
    public sealed override bool IsRead => true;
}

/// <summary>Something that is to change.</summary>
public abstract record AdminChange : AdminRequest
{
    private protected AdminChange()
    {
    }

    /// <summary>
    /// True to change nothing, and to be told what would come of it: whether it is possible, and what would
    /// be copied.
    /// </summary>
    public bool DryRun { get; init; }

    /// <summary>
    /// By which means and from where it is asked, for events; empty if it is not known. Front ends say it,
    /// and no client can.
    /// </summary>
    [JsonIgnore]
    public string By { get; init; } = "";

    /// <inheritdoc/>
    [JsonIgnore]
    public sealed override bool IsRead => DryRun;
}

/// <summary>The whole cluster: members, keyspaces, moves, obstacles, limits.</summary>
public sealed record ShowCluster : AdminQuestion
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override AccessNeed Need => AccessNeed.OfCluster(AccessActions.Status);
}

/// <summary>Where each partition is, and how far it is on its way to where it should be.</summary>
/// <param name="Keyspace">Of this keyspace only; empty for all.</param>
public sealed record ShowPartitions(string Keyspace = "") : AdminQuestion
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override AccessNeed Need => Keyspace.Length == 0 ? AccessNeed.OfCluster(AccessActions.Status)
        : AccessNeed.OfKeyspace(AccessActions.Status, Keyspace);
}

/// <summary>Where a key is. Any node answers from its own map.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Key">The key, in JSON as base64.</param>
public sealed record LocateKey(string Keyspace, byte[] Key) : AdminQuestion
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override AccessNeed Need => AccessNeed.OfKeyspace(AccessActions.Status, Keyspace);
}

/// <summary>What a keyspace promises. Any node answers from its own map.</summary>
/// <param name="Keyspace">The keyspace.</param>
public sealed record ExplainKeyspace(string Keyspace) : AdminQuestion
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override AccessNeed Need => AccessNeed.OfKeyspace(AccessActions.Status, Keyspace);
}

/// <summary>Which replicas hold a key, and with which version. The asked node asks them all.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Key">The key, in JSON as base64.</param>
public sealed record ExplainKey(string Keyspace, byte[] Key) : AdminQuestion
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override AccessNeed Need => AccessNeed.OfKey(AccessActions.Read, Keyspace, Key);
}

/// <summary>What the replica of the asked node has of a key: nodes ask each other for it.</summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Key">The key, in JSON as base64.</param>
public sealed record ShowReplica(string Keyspace, byte[] Key) : AdminQuestion
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override AccessNeed Need => AccessNeed.OfKey(AccessActions.Read, Keyspace, Key);
}

/// <summary>
/// What the asked node keeps of a key for replicas that were down: nodes ask each other for it.
/// </summary>
/// <param name="Keyspace">The keyspace.</param>
/// <param name="Key">The key, in JSON as base64.</param>
public sealed record ShowHint(string Keyspace, byte[] Key) : AdminQuestion
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override AccessNeed Need => AccessNeed.OfKey(AccessActions.Read, Keyspace, Key);
}

/// <summary>What has happened in the cluster. Any node answers with what it was told.</summary>
/// <param name="After">The position behind which to begin; 0: the oldest that is kept.</param>
public sealed record ShowEvents(ulong After = 0) : AdminQuestion
{
    /// <summary>
    /// How long the node holds the question if there is nothing to tell, in milliseconds: it answers as soon
    /// as there is. 0: it answers at once.
    /// </summary>
    public long WaitMs { get; init; }

    /// <summary>The cluster that the position is of; null if the asker does not know.</summary>
    public Guid? ClusterId { get; init; }

    /// <inheritdoc/>
    [JsonIgnore]
    public override AccessNeed Need => AccessNeed.OfCluster(AccessActions.Status);
}

/// <summary>What a member is to become.</summary>
[JsonConverter(typeof(MemberWishJson))]
public enum MemberWish
{
    /// <summary>It is emptied and gets nothing new, and stays a member.</summary>
    Drain,

    /// <summary>It holds replicas again.</summary>
    Undrain,

    /// <summary>It is emptied, and then removed.</summary>
    Decommission,

    /// <summary>
    /// Its data is lost: others get what it had, and it never comes back. Its name is free at once.
    /// </summary>
    Replace,
}

/// <summary>Another status of a member.</summary>
/// <param name="Member">Its name, its UUID, or "node-" and its UUID.</param>
/// <param name="Wish">What it is to become.</param>
public sealed record ChangeMember(string Member, MemberWish Wish) : AdminChange
{
    /// <summary>True to do it even where promises are lost by it: too few nodes or zones remain.</summary>
    public bool Force { get; init; }

    /// <inheritdoc/>
    [JsonIgnore]
    public override AccessNeed Need => AccessNeed.OfCluster(AccessActions.Admin);
}

/// <summary>A new keyspace.</summary>
/// <param name="Keyspace">Its name.</param>
public sealed record CreateKeyspace(string Keyspace) : AdminChange
{
    /// <summary>Its partitions; null for as many as the default keyspace has.</summary>
    public int? Partitions { get; init; }

    /// <summary>Replicas of each partition; null for as many as the default keyspace has.</summary>
    public int? Replicas { get; init; }

    /// <summary>strong or quorum; null for strong.</summary>
    public string? Mode
    {
        get;
        // A program that knows no other mode knows no field of that name.
        init => field = value == "strong" ? null : value;
    }

    /// <summary>Quorum: replicas that must have a write on disk; null for a majority.</summary>
    public int? WriteQuorum { get; init; }

    /// <summary>Quorum: replicas that must have answered a read; null for a majority.</summary>
    public int? ReadQuorum { get; init; }

    /// <summary>Quorum: true if hints on other nodes count for replicas that are down.</summary>
    public bool IsSloppy { get; init; }

    /// <summary>Quorum: true if clients may give a write its time; null for false.</summary>
    public bool? ClientTimestamps { get; init; }

    /// <inheritdoc/>
    [JsonIgnore]
    public override AccessNeed Need => AccessNeed.OfKeyspace(AccessActions.Admin, Keyspace);
}

/// <summary>Another replication factor of a keyspace, or another setting: one at a time.</summary>
/// <param name="Keyspace">Its name.</param>
/// <param name="Replicas">Replicas of each partition; null: as it is.</param>
public sealed record AlterKeyspace(string Keyspace, int? Replicas = null) : AdminChange
{
    /// <summary>Quorum: whether clients may give a write its time; null: as it is.</summary>
    public bool? ClientTimestamps { get; init; }

    /// <summary>True to do it even where too few nodes or zones are there.</summary>
    public bool Force { get; init; }

    /// <inheritdoc/>
    [JsonIgnore]
    public override AccessNeed Need => AccessNeed.OfKeyspace(AccessActions.Admin, Keyspace);
}

/// <summary>The end of a keyspace and all its keys.</summary>
/// <param name="Keyspace">Its name.</param>
public sealed record DropKeyspace(string Keyspace) : AdminChange
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override AccessNeed Need => AccessNeed.OfKeyspace(AccessActions.Admin, Keyspace);
}

/// <summary>Other limits of moves; what is null stays as it is.</summary>
public sealed record ChangeLimits : AdminChange
{
    /// <summary>True: moves for zones and balance rest.</summary>
    public bool? Paused { get; init; }

    /// <summary>The most moves under way at a time.</summary>
    public int? MovesMax { get; init; }

    /// <summary>The most targets that one plan changes.</summary>
    public int? BatchSize { get; init; }

    /// <summary>A move without progress for this long loses one of its attempts.</summary>
    public long? BatchTimeoutMs { get; init; }

    /// <summary>Attempts after which a move is given up.</summary>
    public int? RetryAttempts { get; init; }

    /// <summary>A node that is silent for this long is replaced.</summary>
    public long? GraceMs { get; init; }

    /// <summary>Loads that differ by less move nothing.</summary>
    public int? MarginPercent { get; init; }

    /// <inheritdoc/>
    [JsonIgnore]
    public override AccessNeed Need => AccessNeed.OfCluster(AccessActions.Admin);
}

/// <summary>Another leader of a partition.</summary>
/// <param name="Keyspace">The keyspace; "system" for the metadata group.</param>
/// <param name="Partition">The partition.</param>
/// <param name="To">
/// The member that is to lead, named as in <see cref="ChangeMember"/>; empty: any that can, so that the
/// present leader steps down.
/// </param>
public sealed record TransferLeadership(string Keyspace, uint Partition, string To = "") : AdminChange
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override AccessNeed Need => AccessNeed.OfKeyspace(AccessActions.Admin, Keyspace);
}
