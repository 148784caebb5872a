using System.Text;

namespace Kvorum.Client;

/// <summary>What a read found.</summary>
/// <param name="Found">The key exists.</param>
/// <param name="Value">Its value; empty if it does not exist. The caller's own.</param>
/// <param name="Version">Its version; grows with each write.</param>
/// <param name="IsStale">The answer may be out of date, as asked for.</param>
public readonly record struct GetResult(bool Found, ReadOnlyMemory<byte> Value, ulong Version, bool IsStale)
{
    /// <summary>The value as UTF-8 text; null if the key does not exist.</summary>
    public string? Text => Found ? Encoding.UTF8.GetString(Value.Span) : null;
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
    /// <summary>The previous value as UTF-8 text; null if there was none or it was not asked for.</summary>
    public string? PreviousText => HadPrevious ? Encoding.UTF8.GetString(Previous.Span) : null;
}
