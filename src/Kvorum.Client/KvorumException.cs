using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>
/// A call that did not succeed within its time. The client has repeated it already where that was safe.
/// </summary>
public sealed class KvorumException : Exception
{
    /// <summary>A failure.</summary>
    public KvorumException(
        ReplyStatus status, string message, RetryAdvice retry, ulong version = 0, Exception? inner = null)
        : base(message, inner) => (Status, Retry, Version) = (status, retry, version);

    /// <summary>What went wrong.</summary>
    public ReplyStatus Status { get; }

    /// <summary>What to do about it.</summary>
    public RetryAdvice Retry { get; }

    /// <summary>
    /// With <see cref="ReplyStatus.ConditionFailed"/>: the key's present version, 0 if it is absent.
    /// </summary>
    public ulong Version { get; }

    /// <summary>
    /// A write to a quorum keyspace that may have happened: the version that was tried. Give it as
    /// <see cref="WriteOptions.Tried"/> when you repeat the write with its ids. Null: not known, or no such
    /// write.
    /// </summary>
    public WriteVersion? Tried { get; init; }
}
