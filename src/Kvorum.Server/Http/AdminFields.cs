namespace Kvorum.Server.Http;

/// <summary>The fields of operators' requests.</summary>
internal static class AdminFields
{
    public static readonly Field After = new(
        "after", FieldKind.Number, "The position behind which to begin; absent: the oldest that is kept.");

    public static readonly Field FromNow = new(
        "from_now", FieldKind.Flag,
        "true, as lines only: what happens from now on, instead of behind a position.");

    public static readonly Field ClusterId = new(
        "cluster_id", FieldKind.Text,
        "The cluster that the position is of: another one refuses it. Absent: it is not known.");

    public static readonly Field Member = new(
        "name", FieldKind.Text, "The member: its name, its UUID, or node- and its UUID.");

    public static readonly Field Keyspace = new("name", FieldKind.Text, "The keyspace.");

    public static readonly Field KeyspaceOfPartition = new(
        "keyspace", FieldKind.Text, "The keyspace; system for the metadata group.");

    public static readonly Field Partition = new("partition", FieldKind.Number, "The partition, from 0 on.");

    public static readonly Field DryRun = new(
        "dry_run", FieldKind.Flag, "true: nothing is changed; the answer says what would come of it.");

    public static readonly Field Force = new(
        "force", FieldKind.Flag,
        "true: it is done although too few nodes or zones remain; or although nobody could change users and "
        + "roles afterwards, or somebody has the role that is dropped.");

    public static readonly Field User = new(
        "name", FieldKind.Text, "The user. A client certificate of this name is the user's.");

    public static readonly Field Role = new("name", FieldKind.Text, "The role.");

    public static readonly Field ApiKeyId = new(
        "id", FieldKind.Text, "The number of the API key: 16 hexadecimal digits, the part behind kvorum_.");

    public static readonly Field JoinTokenId = new(
        "id", FieldKind.Text,
        "The number of the join token: 16 hexadecimal digits, the part behind kvorum-join_.");

    public static readonly Field Roles = new(
        "roles", FieldKind.Text, "Roles that the user has, separated by commas; absent for none.");

    public static readonly Field Grant = new(
        "grant", FieldKind.Text, "Roles that the user gets, separated by commas.");

    public static readonly Field Revoke = new(
        "revoke", FieldKind.Text, "Roles that the user loses, separated by commas.");

    public static readonly Field Disabled = new(
        "disabled", FieldKind.Text, "true: the user has no rights until it is false again. Absent: as it is.")
    {
        Choices = ["true", "false"],
    };

    public static readonly Field ExpiresMs = new(
        "expires_ms", FieldKind.Number,
        "From when on the key is not accepted, in Unix milliseconds. Absent: it does not expire.");

    public static readonly Field Enforced = new(
        "enforced", FieldKind.Text,
        "true: only those are served who have a right to what they ask for. Must be given.")
    {
        Choices = ["true", "false"],
    };

    public static readonly Field Partitions = new(
        "partitions", FieldKind.Number, "Partitions of the keyspace; absent for those of the default one.");

    public static readonly Field Replicas = new(
        "replicas", FieldKind.Number,
        "Replicas of each partition; absent, of a new keyspace, for those of the default one.");

    public static readonly Field Mode = new(
        "mode", FieldKind.Text, "How the keyspace replicates; absent for strong.")
    {
        Choices = ["strong", "quorum"],
    };

    public static readonly Field WriteQuorum = new(
        "write_quorum", FieldKind.Number,
        "Mode quorum: replicas that must have a write on disk; absent for a majority.");

    public static readonly Field ReadQuorum = new(
        "read_quorum", FieldKind.Number,
        "Mode quorum: replicas that must have answered a read; absent for a majority.");

    public static readonly Field Sloppy = new(
        "sloppy", FieldKind.Flag,
        "Mode quorum: true: hints on other nodes count for replicas that are down.");

    public static readonly Field ClientTimestamps = new(
        "client_timestamps", FieldKind.Text,
        "Mode quorum: whether clients may give a write its time. Absent: as it is; of a new keyspace false.")
    {
        Choices = ["true", "false"],
    };

    public static readonly Field To = new(
        "to", FieldKind.Text, "The member that is to lead; absent for any other that votes.");

    public static readonly Field Paused = new(
        "paused", FieldKind.Text, "true: moves for zones and balance rest. Absent: as it is.")
    {
        Choices = ["true", "false"],
    };

    public static readonly Field MovesMax = new(
        "moves_max", FieldKind.Number, "The most moves under way at a time. Absent: as it is.");

    public static readonly Field BatchSize = new(
        "batch_size", FieldKind.Number, "The most targets that one plan changes. Absent: as it is.");

    public static readonly Field BatchTimeoutMs = new(
        "batch_timeout_ms", FieldKind.Number,
        "A move without progress for so long loses one of its attempts. Absent: as it is.");

    public static readonly Field RetryAttempts = new(
        "retry_attempts", FieldKind.Number, "Attempts after which a move is given up. Absent: as it is.");

    public static readonly Field GraceMs = new(
        "grace_ms", FieldKind.Number, "A node that is silent for so long is replaced. Absent: as it is.");

    public static readonly Field MarginPercent = new(
        "margin_percent", FieldKind.Number, "Loads that differ by less move nothing. Absent: as it is.");
}
