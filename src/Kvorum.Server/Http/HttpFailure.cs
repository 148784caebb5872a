using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Server.Http;

/// <summary>Ends a request with a status and a JSON error.</summary>
internal sealed class HttpFailure(int status, ErrorBody body) : Exception(body.Message)
{
    /// <summary>HTTP status.</summary>
    public int Status { get; } = status;

    /// <summary>The error as the client reads it.</summary>
    public ErrorBody Body { get; } = body;

    /// <summary>The request itself is wrong.</summary>
    public static HttpFailure Invalid(string message) => Of(400, "invalid-argument", message);

    /// <summary>A name that the route does not know, and those that it does.</summary>
    public static HttpFailure Unknown(string kind, string name, Field[] known) => Invalid(
        $"there is no {kind} '{Shown(name)}' here"
        + (known.Length > 0
            ? $"; there are: {string.Join(", ", known.Select(static field => field.Name))}" : ""));

    /// <summary>What a client sent, as an error may repeat it: never at any length.</summary>
    public static string Shown(string text, int bytesMax = 64)
    {
        var shown = Utf8Text.Message(text, bytesMax);
        return shown.Length == text.Length ? shown : $"{shown}...";
    }

    /// <summary>Any error of the front end itself: nothing was done.</summary>
    public static HttpFailure Of(int status, string name, string message) =>
        new(status, new() { Error = name, Message = message, Retry = "never" });

    /// <summary>A body beyond its bound.</summary>
    public static HttpFailure TooLarge(string what, long bytesMax) =>
        Of(413, "too-large", $"{what} is larger than the limit of {bytesMax} bytes");

    /// <summary>What became of an operator's request.</summary>
    public static HttpFailure Of(AdminRequest request, AdminReply reply)
    {
        var became = AdminOutcome.Of(request, reply);
        return new(became.Outcome.Http, new()
        {
            Error = became.Outcome.Name,
            Message = became.Message,
            Retry = RetryTable.NameOf(became.Retry),
            Indeterminate = became.IsIndeterminate,
        });
    }

    /// <summary>What is known of the node itself is not for this caller.</summary>
    public static HttpFailure Of(Reply refusal)
    {
        var outcome = ReplyOutcome.Of(refusal.Status);
        var retry = refusal.Status is ReplyStatus.Unavailable or ReplyStatus.Overloaded
            ? RetryAdvice.Safe : RetryAdvice.Never;
        return new(outcome.Http, new()
        {
            Error = outcome.Name,
            Message = refusal.Message,
            Retry = RetryTable.NameOf(retry),
        });
    }

    /// <summary>The node's refusal.</summary>
    public static HttpFailure Of(Request request, Reply reply)
    {
        var outcome = ReplyOutcome.Of(reply.Status);
        var advice = RetryTable.AdviceOf(reply.Status, request);
        return new(outcome.Http, new()
        {
            Error = outcome.Name,
            Message = ReplyOutcome.MessageOf(reply),
            Retry = RetryTable.NameOf(advice),
            Indeterminate = advice == RetryAdvice.SameIds,
            Leader = reply.Leader,
            Version = reply.Status == ReplyStatus.ConditionFailed ? reply.Version : null,
            Tried = reply.Writer > 0 ? $"{new WriteVersion(reply.Version, reply.Writer)}" : null,
            Receipt = ReceiptBody.Of(reply.Receipt),
        });
    }
}
