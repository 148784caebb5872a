using Kvorum.Protocol;

namespace Kvorum.Server.Http;

/// <summary>All fields of requests and answers.</summary>
internal static class Fields
{
    public static readonly Field Key = new(
        "key", FieldKind.Bytes, "The key: any bytes, percent-encoded. '+' is a space.");

    public static readonly Field KeyInPath = new(
        "key", FieldKind.Bytes,
        "The key: the whole rest of the path, percent-decoded to bytes; slashes may be written as they are "
        + "or as %2F. What a path cannot carry (%00, '..') goes as key_base64.");

    public static readonly Field KeyText = new("key", FieldKind.Text, "The key, as text.");

    public static readonly Field KeyBase64 = new(
        "key_base64", FieldKind.Base64, "The key as base64, instead of key or of the path.");

    public static readonly Field ValueText = new("value", FieldKind.Text, "The value, as text.");

    public static readonly Field ValueBase64 = new(
        "value_base64", FieldKind.Base64, "The value as base64, instead of value.");

    public static readonly Field Encoding = new(
        "encoding", FieldKind.Text, "base64: key and value are base64, even if they are text.")
    {
        Choices = ["utf-8", "base64"],
        Default = "utf-8",
    };

    public static readonly Field Keyspace = new("keyspace", FieldKind.Text, "The keyspace.")
    {
        Default = KeyspaceName.Default,
    };

    public static readonly Field Timeout = new(
        "timeout", FieldKind.Text, "How long the request may take: a number with ms, s or m.")
    {
        Default = "10s",
        Examples = ["500ms", "2s", "1m"],
    };

    public static readonly Field Consistency = new(
        "consistency", FieldKind.Text, "How fresh the answer must be.")
    {
        Choices = ["linearizable", "lease", "stale"],
        Default = "linearizable",
    };

    public static readonly Field NoRedirect = new(
        "no_redirect", FieldKind.Flag,
        "true: be refused with the leader's address instead of being forwarded.");

    public static readonly Field ClientId = new(
        "client_id", FieldKind.Text,
        "The id under which the client writes, at most 128 bytes: with request_id, the write happens exactly "
        + "once.");

    public static readonly Field RequestId = new(
        "request_id", FieldKind.Number, "Number of the request, chosen by the client.");

    public static readonly Field IfVersion = new(
        "if_version", FieldKind.Number,
        "Write only if the key's present version is this; 0 means absent.");

    public static readonly Field ReturnPrevious = new(
        "return_previous", FieldKind.Flag, "true: the previous value comes with the answer.");

    public static readonly Field Quorum = new(
        "quorum", FieldKind.Text,
        "Keyspace of mode quorum: how many replicas must have the write on disk, or have answered the read: "
        + "one, quorum (a majority), all, or a number. Without it the keyspace's own number.")
    {
        Examples = ["one", "quorum", "all", "2"],
    };

    public static readonly Field Receipt = new(
        "receipt", FieldKind.Flag,
        "true: the answer tells what stands behind it, in the body if that is JSON and in Kvorum-Receipt.");

    public static readonly Field After = new(
        "after", FieldKind.Number,
        "Keyspace of mode quorum: the highest version that the client has seen; the write gets a higher "
        + "one.");

    public static readonly Field Tried = new(
        "tried", FieldKind.Text,
        "Keyspace of mode quorum: of a write that is repeated with the same ids, the version that was tried, "
        + "as the error told it.");

    public static readonly Field Timestamp = new(
        "timestamp", FieldKind.Number,
        "Keyspace of mode quorum that takes timestamps of clients: the time of the write, which decides "
        + "which write wins. Counted as versions are: Unix milliseconds times 65536, and what tells writes "
        + "of one millisecond apart.");

    public static readonly Field QuorumHeader = new("Kvorum-Quorum", FieldKind.Text, "As quorum.");

    public static readonly Field ReceiptHeader = new(
        "Kvorum-Receipt", FieldKind.Text, "With receipt=true: what stands behind the answer, as JSON.");

    public static readonly Field TtlMs = new(
        "ttl_ms", FieldKind.Number, "Life of the key in milliseconds; 0 for no end.");

    public static readonly Field Prefix = new(
        "prefix", FieldKind.Bytes, "Keys that begin with these percent-encoded bytes.");

    public static readonly Field From = new(
        "from", FieldKind.Bytes, "Keys from this one on, inclusive: percent-encoded bytes.");

    public static readonly Field End = new(
        "end", FieldKind.Bytes, "Keys before this one, exclusive: percent-encoded bytes.");

    public static readonly Field Limit = new(
        "limit", FieldKind.Number,
        "Entries at most: of the page, or of all lines. 0 for no bound: a page then ends at 256 KiB.");

    public static readonly Field Reverse = new("reverse", FieldKind.Flag, "Greatest key first.");

    public static readonly Field KeysOnly = new(
        "keys_only", FieldKind.Flag, "Keys and versions without values.");

    public static readonly Field Token = new(
        "token", FieldKind.Text,
        "To go on: the token of the page before; everything else but the limit as it was.");

    public static readonly Field IfMatch = new(
        "If-Match", FieldKind.Text,
        "The condition holds if the key's present version is one of these tags, or for * if the key exists. "
        + "Weak tags (W/) name no version here.");

    public static readonly Field IfNoneMatch = new(
        "If-None-Match", FieldKind.Text,
        "For a write: holds if the key's present version is none of these tags, or for * if the key is "
        + "absent. For a read: 304 if it is one of them.");

    public static readonly Field ClientIdHeader = new("Kvorum-Client-Id", FieldKind.Text, "As client_id.");

    public static readonly Field RequestIdHeader = new(
        "Kvorum-Request-Id", FieldKind.Number, "As request_id.");

    public static readonly Field Tag = new("ETag", FieldKind.Text, "The version, in quotes.");

    public static readonly Field Version = new("Kvorum-Version", FieldKind.Number, "The version.");

    public static readonly Field Leader = new(
        "Kvorum-Leader", FieldKind.Text, "Client address of the leader.");

    public static readonly Field Partition = new("Kvorum-Partition", FieldKind.Number, "The partition.");

    public static readonly Field Epoch = new("Kvorum-Epoch", FieldKind.Number, "Version of the placement.");

    public static readonly Field Ack = new(
        "Kvorum-Ack", FieldKind.Text, "What stands behind the answer.")
    {
        Choices = ["majority", "quorum", "lease", "none"],
    };
}
