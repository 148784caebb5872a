using Kvorum.Verification.Search;

namespace Kvorum.Verification;

// Theorem. For each key there is an order of operations such that
//   1. it has every operation that was answered (ok or refused), none that failed, and of those with an
//      unknown or no outcome any, or none;
//   2. an operation that was answered before another one was asked comes before it;
//   3. executed one after the other on one register with a version, absent at first, each gives the answer
//      that its client got: a read the present value and version; a conditional write is done if the
//      version is the expected one (0: absent) and refused otherwise; each write gets a version greater
//      than all before; a write that returns the previous value returns that; an addition gives the sum;
//      the end of a value's life makes the key absent if it holds just that value, and else does nothing.
//
// That is linearizability (Herlihy and Wing, "Linearizability: a correctness condition for concurrent
// objects", 1990); it is local, so that keys can be checked one by one. For keys with a time to live the
// caller writes the ends of lives into the history, as operations: a value is then served until the end of
// its life and never after.

/// <summary>Decides whether a history is linearizable. The theorem is at the top of its file.</summary>
public static class LinearizabilityChecker
{
    /// <summary>Name of the theorem in violations.</summary>
    public const string Theorem = "linearizability";

    /// <summary>
    /// Bound of the search for each key, in configurations of about 40 bytes. Histories with versions and
    /// distinct values need about one for each operation.
    /// </summary>
    public const long ConfigurationsMax = 5_000_000;

    /// <summary>
    /// Checks all keys. The time is near linear for histories with reported versions; without them it can be
    /// exponential in the number of clients that write to one key at the same time, up to the bound.
    /// </summary>
    public static LinearizabilityResult Check(History history, long configurationsMax = ConfigurationsMax)
    {
        ArgumentNullException.ThrowIfNull(history);
        var violations = new List<Violation>();
        var undecided = new List<string>();
        var configurations = 0L;
        foreach (var (key, operations) in history.ByKey())
        {
            var steps = new KeySteps(operations, history.EventCount);
            var search = new LinearizationSearch(steps, configurationsMax);
            var verdict = search.Run();
            configurations += search.Configurations;
            if (verdict == SearchVerdict.None)
                violations.Add(CounterExample.Of(key, operations, search.FurthestBlocked, configurationsMax));
            else if (verdict == SearchVerdict.GivenUp)
                undecided.Add(key);
        }

        return new(violations, undecided, configurations);
    }
}
