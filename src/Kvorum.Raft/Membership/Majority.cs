namespace Kvorum.Raft.Membership;

/// <summary>The state of an election.</summary>
internal enum Verdict : byte
{
    /// <summary>Votes are missing.</summary>
    Pending,

    /// <summary>A majority has granted its votes.</summary>
    Won,

    /// <summary>A majority can no longer be reached.</summary>
    Lost,
}

/// <summary>
/// The arithmetic of one majority. An empty set of voters agrees to everything, so that the absent half of
/// a simple configuration never blocks.
/// </summary>
internal static class Majority
{
    /// <summary>How many of so many voters are a majority.</summary>
    public static int Of(int voters) => (voters / 2) + 1;

    /// <summary>The largest value that a majority has reached. Sorts the values.</summary>
    public static ulong Reached(Span<ulong> values)
    {
        if (values.IsEmpty) return ulong.MaxValue;
        values.Sort();
        return values[values.Length - Of(values.Length)];
    }

    /// <summary>The verdict of so many voters after so many votes for and against.</summary>
    public static Verdict Tally(int voters, int yes, int no)
    {
        Invariant.Check(yes + no <= voters);
        if (voters == 0 || yes >= Of(voters)) return Verdict.Won;
        return no > voters - Of(voters) ? Verdict.Lost : Verdict.Pending;
    }

    /// <summary>The verdict of two majorities that must both agree (thesis 4.3).</summary>
    public static Verdict Both(Verdict left, Verdict right) => (left, right) switch
    {
        (Verdict.Lost, _) or (_, Verdict.Lost) => Verdict.Lost,
        (Verdict.Won, Verdict.Won) => Verdict.Won,
        _ => Verdict.Pending,
    };
}
