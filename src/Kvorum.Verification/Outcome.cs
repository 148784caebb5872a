using System.Diagnostics;

namespace Kvorum.Verification;

/// <summary>What a client knows of an operation's effect.</summary>
public enum OutcomeKind : byte
{
    /// <summary>No answer yet: it may take effect at any moment, or never.</summary>
    Pending,

    /// <summary>It took effect between its invocation and its completion.</summary>
    Ok,

    /// <summary>
    /// Its condition did not hold at a moment between invocation and completion; it changed nothing.
    /// </summary>
    Refused,

    /// <summary>It took no effect, and never will.</summary>
    Failed,

    /// <summary>
    /// Not known: it may have taken effect, may take effect at any later moment, or never.
    /// </summary>
    Unknown,
}

/// <summary>
/// How an operation ended and what its answer said. A version that is null was not reported, and is not
/// checked.
/// </summary>
/// <param name="Kind">What is known of the effect.</param>
/// <param name="Value">
/// Of an operation that is <see cref="OutcomeKind.Ok"/>. Get: the value, null if the key was absent. Put and
/// delete that return the previous value: that, null if the key was absent. Add: the number after it, null
/// if not reported.
/// </param>
/// <param name="Version">
/// Get and refused operations: the key's version, 0 if it was absent. Writes: the version that the write
/// got; for a delete, its place among the versions.
/// </param>
public readonly record struct Outcome(OutcomeKind Kind, string? Value, ulong? Version)
{
    /// <summary>The key was absent.</summary>
    public static Outcome Absent => new(OutcomeKind.Ok, null, 0);

    /// <summary>It took no effect, and never will.</summary>
    public static Outcome Failed => new(OutcomeKind.Failed, null, null);

    /// <summary>Whether it took effect, or will, is not known.</summary>
    public static Outcome Unknown => new(OutcomeKind.Unknown, null, null);

    /// <summary>A get found the value; or an add, which made it so.</summary>
    public static Outcome Found(string value, ulong? version = null) => new(OutcomeKind.Ok, value, version);

    /// <summary>A write was done; <paramref name="previous"/> if it asked for the value before.</summary>
    public static Outcome Written(ulong? version = null, string? previous = null) =>
        new(OutcomeKind.Ok, previous, version);

    /// <summary>The condition did not hold: the key's version was another, 0 if it was absent.</summary>
    public static Outcome Refused(ulong? presentVersion = null) =>
        new(OutcomeKind.Refused, null, presentVersion);

    /// <summary>The kind in a word.</summary>
    internal string Word => Kind switch
    {
        OutcomeKind.Pending => "no answer",
        OutcomeKind.Ok => "ok",
        OutcomeKind.Refused => "refused",
        OutcomeKind.Failed => "failed",
        OutcomeKind.Unknown => "unknown",
        _ => throw new UnreachableException(),
    };
}
