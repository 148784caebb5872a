namespace Kvorum.Verification;

// Theorem. Once all replicas of a key hold the same record, let w be the acknowledged write of the greatest
// version. The record
//   1. has w's version, and is what w wrote: its value, or a tombstone; or
//   2. has a greater version, and is what a write with an unknown outcome wrote; or
//   3. is gone, if w is a delete or its value has an end, or such a write with an unknown outcome was asked:
//      what has ended is collected.
// A lesser version means that w, which was acknowledged, is lost; a value of an acknowledged write under a
// greater one, that it was written again, by a repeat, and has come back.
//
// It holds as long as fewer disks than W were lost since the write was acknowledged, whatever R is. A replica
// that is made anew and not filled yet counts as a lost disk.

/// <summary>
/// Decides whether converged replicas hold every acknowledged write, and nothing that was deleted or
/// replaced.
/// The theorem is at the top of its file.
/// </summary>
public static class ConvergedRecordsChecker
{
    /// <summary>Name of the theorem in violations.</summary>
    public const string Theorem = "converged records";

    /// <summary>The keys whose records contradict the history, each once.</summary>
    /// <param name="history">What clients saw.</param>
    /// <param name="records">
    /// What the replicas hold; the value is null for a tombstone. A key without a record is not among them.
    /// </param>
    /// <param name="knowsRepeats">
    /// True if a repeated request is recognized, for which R + W > N or 2 W > N is needed: else a repeat is a
    /// write like any other.
    /// </param>
    public static IReadOnlyList<Violation> Check(
        History history, IEnumerable<FinalRead> records, bool knowsRepeats)
    {
        ArgumentNullException.ThrowIfNull(history);
        ArgumentNullException.ThrowIfNull(records);
        var byKey = records.ToDictionary(static one => one.Key, StringComparer.Ordinal);
        var violations = new List<Violation>();
        foreach (var (key, operations) in history.ByKey())
        {
            var known = new LeaderlessWrites(operations, knowsRepeats);
            var newest = known.Writes.Where(LeaderlessWrites.IsAcknowledged)
                .MaxBy(static one => one.Outcome.Version);
            FinalRead? record = byKey.TryGetValue(key, out var found) ? found : null;
            if (WhyNot(record, newest, known) is { } why)
                violations.Add(Wrong(key, why, record, newest));
        }

        return violations;
    }

    private static string? WhyNot(FinalRead? record, Operation? newest, LeaderlessWrites known)
    {
        var open = known.Writes.Where(LeaderlessWrites.IsOpen);
        if (record is not { Version: { } version } held)
        {
            return newest is null || MayEnd(newest) || open.Any(MayEnd)
                ? null : "an acknowledged write is lost: there is no record";
        }

        if (version < newest?.Outcome.Version)
            return "an acknowledged write is lost";
        var isNewest = known.Writes.Any(one => LeaderlessWrites.IsAcknowledged(one)
            && one.Outcome.Version == version && Wrote(one, held));
        return isNewest || open.Any(one => Wrote(one, held)) ? null
            : version == newest?.Outcome.Version ? "the record is not what was written under its version"
            : "the record was not written, or was replaced and has come back";
    }

    private static bool MayEnd(Operation write) =>
        write.Invocation.Kind == OperationKind.Delete || write.Invocation.Life is not null;

    private static bool Wrote(Operation write, in FinalRead record) => record.Value is null
        ? write.Invocation.Kind == OperationKind.Delete : write.Invocation.Value == record.Value;

    private static Violation Wrong(string key, string why, FinalRead? record, Operation? newest)
    {
        var text = record is { } held ? $"{held.Value ?? "a tombstone"}, version {held.Version}" : "none";
        return new(
            Theorem, key, $"{key}: {why}; the record: {text}\n  {newest}", newest is null ? [] : [newest]);
    }
}
