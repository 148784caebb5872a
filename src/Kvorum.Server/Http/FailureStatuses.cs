using Kvorum.Protocol;

namespace Kvorum.Server.Http;

/// <summary>With which statuses requests fail, and what each says. The body is an error.</summary>
internal static class FailureStatuses
{
    // What a node answers to requests of any kind: the table has the HTTP status of each.
    private static readonly int[] OfNode =
    [
        .. Enum.GetValues<ReplyStatus>()
            .Where(static status => status
                is not (ReplyStatus.Ok or ReplyStatus.ConditionFailed or ReplyStatus.SessionExpired))
            .Select(static status => ReplyOutcome.Of(status).Http).Distinct(),
    ];

    /// <summary>Of every route.</summary>
    public static int[] OfAny { get; } = [400, 421];

    /// <summary>Of routes that are for those who are known.</summary>
    public static int[] OfKnown { get; } = [.. OfAny, 401, 429];

    /// <summary>Of the route that tells whether the node's loops run.</summary>
    public static int[] OfProbes { get; } = [.. OfAny, 503];

    /// <summary>Of routes that ask the node's loops for their state.</summary>
    public static int[] OfStatus { get; } = [.. OfKnown, 403, 503];

    /// <summary>Of routes that read keys.</summary>
    public static int[] OfReads { get; } = [.. OfNode, 404, 412];

    /// <summary>Of routes that write.</summary>
    public static int[] OfWrites { get; } = [.. OfNode, 409, 412, 413, 415];

    /// <summary>Of routes that tell operators of the cluster.</summary>
    public static int[] OfReports { get; } = [.. OfKnown, 403, 503];

    /// <summary>Of the route that tells of events.</summary>
    public static int[] OfEvents { get; } = [.. OfReports, 412];

    /// <summary>Of routes by which operators change the cluster.</summary>
    public static int[] OfChanges { get; } = [.. OfReports, 412, 413, 415];

    /// <summary>A name for the status, and what it says.</summary>
    public static (string Name, string Description) Of(int status) => status switch
    {
        400 => ("Invalid", "The request itself is wrong, or names an unknown keyspace."),
        401 => ("Unauthenticated", "Rights are enforced, and nothing that was shown tells who asks."),
        403 => ("Forbidden", "The caller has no right to it, or a web page of another site sent it."),
        404 => (
            "Absent",
            "The key does not exist: error is not-found. No failure is ever told by this status."),
        409 => ("SessionExpired", "The exactly-once record of so old a request is gone."),
        412 => (
            "ConditionFailed",
            "The condition does not hold, or the cluster cannot be changed so as it is; nothing changed. Of "
            + "events: those behind the position are not kept any more."),
        413 => ("TooLarge", "The body is over the limit, which the message names."),
        415 => (
            "UnsupportedMediaType",
            "The body is encoded, or a web page declares it as something else than JSON in UTF-8."),
        421 => (
            "NotLeader",
            "With no_redirect: another node leads; leader says which. Or error is wrong-host: the Host "
            + "header names no address, localhost or name of the node."),
        429 => (
            "Overloaded",
            "Too much is queued, or the caller's user has too many requests or connections; nothing was "
            + "done."),
        499 => ("Cancelled", "The request was taken back."),
        500 => ("Internal", "A fault of the node."),
        503 => (
            "Unavailable",
            "No majority, or the node is stopping. indeterminate says whether a write may have happened."),
        504 => ("DeadlineExceeded", "The time given ran out; a write may still happen."),
        507 => ("OutOfSpace", "The disk of the partition's leader is almost full; nothing was done."),
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, "No request fails with this."),
    };
}
