using System.Globalization;

namespace Kvorum.Verification;

// Theorem. A key is a regular register (Lamport, "On Interprocess Communication", 1986) whose last write, by
// version, wins. For each read let w be the write with the greatest version among those that were
// acknowledged
// before the read was asked. Then the read
//   1. shows a version that is not less than w's; or
//   2. shows nothing, where w is a delete, or a delete, or a value with an end, may have a greater version; a
//      value with an end is gone no earlier than clocks may be wrong.
// What it shows was written: by a write that was asked before the read ended, did not fail, and, if it was
// acknowledged, got just this version. And a repeat of an acknowledged write is answered with the version of
// the first time.
//
// It holds where R + W > N and no more disks were lost than W - 1. Versions are compared as they are
// reported: two writers may report the same one, so equal ones are never held against each other.

/// <summary>
/// Decides whether the keys of a history are regular registers. The theorem is at the top of its file.
/// </summary>
public static class RegularRegisterChecker
{
    /// <summary>Name of the theorem in violations.</summary>
    public const string Theorem = "regular register";

    /// <summary>What contradicts it, key by key.</summary>
    /// <param name="history">What clients saw; reads that may be out of date are not in it.</param>
    /// <param name="clockBound">By how much the ends of values may be early.</param>
    public static IReadOnlyList<Violation> Check(History history, TimeSpan clockBound)
    {
        ArgumentNullException.ThrowIfNull(history);
        return [.. history.ByKey().SelectMany(key => CheckKey(key.Value, clockBound))];
    }

    private static IEnumerable<Violation> CheckKey(IReadOnlyList<Operation> operations, TimeSpan clockBound)
    {
        var known = new LeaderlessWrites(operations, knowsRepeats: true);
        var byValue = known.Writes.Where(static one => one.Invocation.Value is not null)
            .ToLookup(static one => one.Invocation.Value!);
        foreach (var repeat in known.Repeats.Where(LeaderlessWrites.IsAcknowledged))
        {
            var first = known.FirstOf(repeat);
            if (first.Outcome.Version != repeat.Outcome.Version)
                yield return Wrong("a repeated request was answered with another version", first, repeat);
        }

        var acknowledged = known.Writes.Where(LeaderlessWrites.IsAcknowledged)
            .OrderBy(static one => one.CompletedEvent).ToArray();
        var (next, newest) = (0, default(Operation));
        foreach (var read in operations.Where(
            static one => one.Invocation.Kind == OperationKind.Get && one.Outcome.Kind == OutcomeKind.Ok))
        {
            for (; IsBefore(acknowledged, next, read); next++)
            {
                if (newest is null || acknowledged[next].Outcome.Version > newest.Outcome.Version)
                    newest = acknowledged[next];
            }

            if (read.Outcome.Value is null)
            {
                if (newest is not null && !MayBeGone(newest, known.Writes, read, clockBound))
                    yield return Wrong("a read shows nothing and misses an acknowledged write", newest, read);
                continue;
            }

            if (newest is not null && read.Outcome.Version < newest.Outcome.Version)
                yield return Wrong("a read misses an acknowledged write", newest, read);
            if (WhyNotWritten(read, byValue, known) is { } why)
                yield return why;
        }
    }

    private static bool MayBeGone(
        Operation newest, IReadOnlyList<Operation> writes, Operation read, TimeSpan clockBound) =>
        writes.Any(one => one.InvokedEvent < read.CompletedEvent
            && one.Outcome.Kind is not OutcomeKind.Failed
            && (LeaderlessWrites.IsOpen(one) || one.Outcome.Version >= newest.Outcome.Version)
            && (one.Invocation.Kind == OperationKind.Delete || HasEnded(one, read, clockBound)));

    private static bool HasEnded(Operation put, Operation read, TimeSpan clockBound) =>
        put.Invocation.Life is { } life && read.CompletedAt >= put.InvokedAt + life - clockBound;

    private static Violation? WhyNotWritten(
        Operation read, ILookup<string, Operation> byValue, LeaderlessWrites known)
    {
        var writes = byValue[read.Outcome.Value!].Where(
            one => one.InvokedEvent < read.CompletedEvent).ToArray();
        if (writes.Length == 0)
            return Wrong("a read shows what was never written", read);
        if (writes.All(static one => one.Outcome.Kind == OutcomeKind.Failed))
            return Wrong("a read shows a write that was said not to have happened", writes[0], read);
        return writes.FirstOrDefault(known.HasOneVersion) is { } write
            && write.Outcome.Version != read.Outcome.Version
            ? Wrong("a read shows a write under another version than was acknowledged", write, read) : null;
    }

    private static Violation Wrong(string what, params Operation[] shown) => new(
        Theorem, shown[0].Invocation.Key,
        string.Create(
            CultureInfo.InvariantCulture, $"{shown[0].Invocation.Key}: {what}\n  {History.Text(shown)}"),
        shown);

    private static bool IsBefore(Operation[] acknowledged, int at, Operation read) =>
        at < acknowledged.Length && acknowledged[at].CompletedEvent < read.InvokedEvent;
}
