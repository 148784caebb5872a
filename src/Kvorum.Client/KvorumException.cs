using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>What to do after a failed call.</summary>
public enum RetryClass
{
    /// <summary>The same call fails again: mend it first.</summary>
    Never,

    /// <summary>Nothing was done: call again, best after a pause.</summary>
    Safe,

    /// <summary>
    /// A write may have happened, or happen yet: call again with the same client id and request id, or read
    /// first.
    /// </summary>
    SameIds,
}

/// <summary>
/// A call that did not succeed within its time. The client has repeated it already where that was safe.
/// </summary>
public sealed class KvorumException : Exception
{
    /// <summary>A failure.</summary>
    public KvorumException(
        ReplyStatus status, string message, RetryClass retry, ulong version = 0, Exception? inner = null)
        : base(message, inner) => (Status, Retry, Version) = (status, retry, version);

    /// <summary>What went wrong.</summary>
    public ReplyStatus Status { get; }

    /// <summary>What to do about it.</summary>
    public RetryClass Retry { get; }

    /// <summary>
    /// With <see cref="ReplyStatus.ConditionFailed"/>: the key's present version, 0 if it is absent.
    /// </summary>
    public ulong Version { get; }
}
