using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>What a read found.</summary>
/// <param name="Found">The key exists.</param>
/// <param name="Value">Its value; empty if it does not exist. The caller's own.</param>
/// <param name="Version">Its version; grows with each write.</param>
/// <param name="IsStale">The answer may be out of date, as asked for.</param>
public readonly record struct GetResult(bool Found, ReadOnlyMemory<byte> Value, ulong Version, bool IsStale)
{
    /// <summary>
    /// What stands behind the reply, if <see cref="ReadOptions.WantsReceipt"/> asked for it.
    /// </summary>
    public Receipt? Receipt { get; init; }

    /// <summary>
    /// The value as UTF-8 text; null if the key does not exist. <see cref="FormatException"/> if it is not
    /// UTF-8: the exact bytes are in <see cref="Value"/>.
    /// </summary>
    public string? Text => Found ? Utf8Text.Decode("the value", Value.Span) : null;
}

/// <summary>One key of a scan.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">Its value; empty if only keys were asked for. The caller's own.</param>
/// <param name="Version">Its version; grows with each write.</param>
public readonly record struct ScannedKey(
    ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, ulong Version)
{
    /// <summary>The key as UTF-8 text. <see cref="FormatException"/> if it is not UTF-8.</summary>
    public string KeyText => Utf8Text.Decode("the key", Key.Span);

    /// <summary>The value as UTF-8 text. <see cref="FormatException"/> if it is not UTF-8.</summary>
    public string Text => Utf8Text.Decode("the value", Value.Span);
}

/// <summary>One page of a scan.</summary>
/// <param name="Keys">In the order of the scan; may be none although more follow.</param>
/// <param name="Token">Leads behind this page; empty at the end of the range.</param>
/// <param name="IsStale">The page may be out of date, as asked for.</param>
public sealed record ScanResult(IReadOnlyList<ScannedKey> Keys, ReadOnlyMemory<byte> Token, bool IsStale)
{
    /// <summary>
    /// What stands behind the reply, if <see cref="ScanOptions.WantsReceipt"/> asked for it.
    /// </summary>
    public Receipt? Receipt { get; init; }
}

/// <summary>What a write did.</summary>
/// <param name="Version">The version that the key got; for a delete the position of the deletion.</param>
/// <param name="HadPrevious">Only if it was asked for: there was a value before.</param>
/// <param name="Previous">Only if it was asked for: that value.</param>
/// <param name="IsReplayed">This write was a repetition: the first one's answer is given and nothing was
/// changed.</param>
public readonly record struct WriteResult(
    ulong Version, bool HadPrevious, ReadOnlyMemory<byte> Previous, bool IsReplayed)
{
    /// <summary>
    /// What stands behind the reply, if <see cref="WriteOptions.WantsReceipt"/> asked for it.
    /// </summary>
    public Receipt? Receipt { get; init; }

    /// <summary>
    /// The previous value as UTF-8 text; null if there was none or it was not asked for. <see
    /// cref="FormatException"/> if it is not UTF-8.
    /// </summary>
    public string? PreviousText => HadPrevious
        ? Utf8Text.Decode("the previous value", Previous.Span)
        : null;
}
