namespace Kvorum.Verification.Search;

/// <summary>
/// An operation as the search needs it: values are numbers of <see cref="KeySteps"/>.
/// </summary>
internal readonly record struct KeyStep
{
    /// <summary>Of <see cref="Seen"/>: the answer said nothing about the value.</summary>
    public const int NothingSeen = -2;

    /// <summary>The operation.</summary>
    public required Operation Operation { get; init; }

    /// <summary>What it does.</summary>
    public OperationKind Kind { get; init; }

    /// <summary>True if its client knows its outcome: then it must be in the order; else it may be.</summary>
    public bool IsCertain { get; init; }

    /// <summary>True if its condition did not hold.</summary>
    public bool IsRefused { get; init; }

    /// <summary>Put: the value to set. Expire: the value whose life ends.</summary>
    public int Value { get; init; }

    /// <summary>Add: the number to add.</summary>
    public long Delta { get; init; }

    /// <summary>
    /// Get, put and delete: the value that was there, or absent, or <see cref="NothingSeen"/>. Add: the
    /// value after it, or <see cref="NothingSeen"/>.
    /// </summary>
    public int Seen { get; init; }

    /// <summary>The version that the key must have for the write to happen; 0 if absent.</summary>
    public ulong? IfVersion { get; init; }

    /// <summary>
    /// The version that the answer reported; of a step of unknown outcome, the one under which the value
    /// that it alone sets was seen. Expire: the version that the value was written as.
    /// </summary>
    public ulong? Version { get; init; }

    /// <summary>
    /// An earlier step of unknown outcome that does exactly the same; -1 if there is none. With no answer to
    /// tell them apart, the later takes effect only if the earlier has.
    /// </summary>
    public int Twin { get; init; }

    /// <summary>
    /// What <see cref="RepeatCounts"/> counts of it: nothing, or one in the lane of its kind of twins.
    /// </summary>
    public ulong Repeats { get; init; }

    /// <summary>
    /// Where its version places the step among the others that have one, since versions grow: twice the
    /// version for the write that got it, one more for reads that saw it, zero for no version.
    /// </summary>
    public ulong Position => Version is null or 0 || Kind == OperationKind.Expire ? 0
        : IsWrite ? Version.Value * 2 : (Version.Value * 2) + 1;

    /// <summary>
    /// True if the state tells whether it can still happen: versions grow, so the version that it expects
    /// never comes again.
    /// </summary>
    public bool IsSpentByVersion => !IsCertain && IfVersion > 0;

    /// <summary>True if it changes the key.</summary>
    public bool IsWrite => Kind is not (OperationKind.Get or OperationKind.Expire) && !IsRefused;

    /// <summary>True if what it does or answers depends on what the key holds.</summary>
    public bool DependsOnState => Kind is OperationKind.Get or OperationKind.Add or OperationKind.Expire
        || IsRefused
        || IfVersion is not null || Seen != NothingSeen;
}
