namespace Kvorum.Verification;

/// <summary>
/// What a history says of the writes of one key of a leaderless store: which of them may have taken effect,
/// under which version. A repeat of a write that was acknowledged before is none: it must change nothing.
/// </summary>
/// <remarks>
/// An attempt that was not answered may still be under way when a later one with the same ids is
/// acknowledged,
/// and may get a version of its own. Whoever records a history writes such an attempt down as an operation of
/// its own, whose outcome is unknown; so an acknowledged request beside which nothing of the same ids is open
/// has one version for ever.
/// </remarks>
internal sealed class LeaderlessWrites
{
    private readonly Dictionary<(int Client, ulong Request), Operation> _firsts = [];
    private readonly HashSet<Operation> _clean = [];

    public LeaderlessWrites(IReadOnlyList<Operation> operations, bool knowsRepeats)
    {
        var writes = operations.Where(static one => one.Invocation.Kind != OperationKind.Get).ToArray();
        foreach (var group in writes.Where(one => knowsRepeats && one.Invocation.Request > 0)
            .GroupBy(static one => (one.Invocation.Client, one.Invocation.Request)))
            FindFirst(group.Key, [.. group]);
        foreach (var write in writes.Where(static one => one.Invocation.Request == 0 && IsAcknowledged(one)))
            _clean.Add(write);
        Repeats = [.. writes.Where(IsRepeat)];
        Writes = [.. writes.Except(Repeats)];
    }

    /// <summary>Writes that may take effect, in the order in which they were asked.</summary>
    public IReadOnlyList<Operation> Writes { get; }

    /// <summary>Repeats of writes that had been acknowledged, which must take none.</summary>
    public IReadOnlyList<Operation> Repeats { get; }

    /// <summary>True if the write has been acknowledged, with a version.</summary>
    public static bool IsAcknowledged(Operation write) =>
        write.Outcome is { Kind: OutcomeKind.Ok, Version: not null };

    /// <summary>True if the outcome is not known: it may get any version, at any time.</summary>
    public static bool IsOpen(Operation write) =>
        write.Outcome.Kind is OutcomeKind.Unknown or OutcomeKind.Pending;

    /// <summary>True if the version that was acknowledged is the only one that the write has.</summary>
    public bool HasOneVersion(Operation write) => _clean.Contains(write);

    /// <summary>The write whose repeat this is.</summary>
    public Operation FirstOf(Operation repeat) =>
        _firsts[(repeat.Invocation.Client, repeat.Invocation.Request)];

    private bool IsRepeat(Operation write) =>
        _firsts.TryGetValue((write.Invocation.Client, write.Invocation.Request), out var first)
        && first.CompletedEvent < write.InvokedEvent;

    private void FindFirst((int Client, ulong Request) request, Operation[] attempts)
    {
        var first = attempts.Where(IsAcknowledged).MinBy(static one => one.CompletedEvent);
        if (first is null
            || attempts.Any(one => one != first && IsOpen(one) && one.InvokedEvent < first.CompletedEvent))
            return;
        _firsts.Add(request, first);
        _clean.Add(first);
    }
}
