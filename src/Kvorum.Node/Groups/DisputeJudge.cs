namespace Kvorum.Node.Groups;

/// <summary>What a replica does whose history differs from another one's.</summary>
internal enum DisputeVerdict
{
    /// <summary>Not all have been heard yet.</summary>
    Wait,

    /// <summary>A majority of the voters has the same history: the others are wrong.</summary>
    GoOn,

    /// <summary>No majority has this history, or can have it: stand still.</summary>
    Quarantine,
}

/// <summary>
/// Decides a dispute over what is committed, as each replica does for itself. The side that a majority of the
/// voters agrees with goes on. Where there is no such side, neither can be proved right, and all stand
/// still.
/// </summary>
internal static class DisputeJudge
{
    /// <param name="voters">Voters of the group.</param>
    /// <param name="agreeing">Voters that have this replica's history, itself included if it is one.</param>
    /// <param name="differing">Voters that have another.</param>
    /// <param name="isOver">True if the time to answer is over.</param>
    public static DisputeVerdict Decide(int voters, int agreeing, int differing, bool isOver)
    {
        var majority = (voters / 2) + 1;
        if (agreeing >= majority)
            return DisputeVerdict.GoOn;
        return isOver || voters - differing < majority ? DisputeVerdict.Quarantine : DisputeVerdict.Wait;
    }
}
