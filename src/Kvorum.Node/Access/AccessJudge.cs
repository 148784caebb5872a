using Kvorum.Protocol;

namespace Kvorum.Node.Access;

/// <summary>
/// Decides for one caller at one node, at each request anew, by the users and roles that the node knows
/// then. All front ends ask it, and the simulator. Any thread.
/// </summary>
/// <param name="graceMs">
/// For how long rights are believed while the metadata group is not heard, in milliseconds.
/// </param>
/// <param name="silenceMs">
/// For how long the node has not heard it, in milliseconds; the greatest number if not since its start.
/// </param>
/// <param name="nowMs">The time by which keys and tokens expire, in Unix milliseconds.</param>
/// <param name="standingIn">What the caller may do by a table, at a time in Unix milliseconds.</param>
public sealed class AccessJudge(
    long graceMs, Func<long> silenceMs, Func<ulong> nowMs,
    Func<AccessTable, ulong, CallerStanding> standingIn)
{
    /// <summary>What a node says that does not know yet who may do what.</summary>
    public const string NotTold =
        "this node has not been told of the cluster's users yet: ask another node, or wait until "
        + "kvorum health says that it is ready";

    private volatile Judged? _judged;

    private sealed record Judged(AccessTable Table, CallerStanding Standing);

    /// <summary>
    /// Why a request is not served: Unauthenticated, PermissionDenied, or Unavailable where the node itself
    /// does not know; null if it is served.
    /// </summary>
    /// <param name="table">What the node knows now; null: nothing.</param>
    /// <param name="need">What the request needs.</param>
    /// <param name="isQuestion">True if an operator asks, and nothing is changed.</param>
    public Reply? Refusal(AccessTable? table, in AccessNeed need, bool isQuestion = false)
    {
        if (table is null)
        {
            // Nothing is there to be read or written; what it knows of itself helps to mend it.
            return isQuestion || (need.Actions & ~AccessActions.Status) == 0 ? null
                : Of(ReplyStatus.Unavailable, NotTold);
        }

        // Where there are users, rights may have been enforced since; and who is not known may be by now.
        if ((table.IsOn || !table.Users.IsEmpty) && WhyTooOld() is { } why)
            return Of(ReplyStatus.Unavailable, why);
        if (!table.IsOn)
            return null;
        var judged = Judge(table);
        if (judged.Rights is not { } rights)
            return Of(ReplyStatus.Unauthenticated, judged.Why);
        return rights.Allow(need) ? null
            : Of(ReplyStatus.PermissionDenied, Rights.WhyNot(judged.Who, need));
    }

    /// <summary>What the caller may do by a table: kept as long as that is the node's.</summary>
    public CallerStanding Judge(AccessTable table)
    {
        if (_judged is { } known && ReferenceEquals(known.Table, table)
            && (known.Standing.UntilMs == ulong.MaxValue || nowMs() < known.Standing.UntilMs))
            return known.Standing;
        var standing = standingIn(table, nowMs());
        _judged = new(table, standing);
        return standing;
    }

    private string? WhyTooOld() => silenceMs() is var silence && silence <= graceMs ? null
        : silence == long.MaxValue
            ? "this node has not heard the metadata group since its start, so that rights may have been "
                + "taken away since it ran last: ask another node, or wait until it has"
            : $"this node has not heard the metadata group for {silence / 1000} s, so that rights may have "
                + "been taken away meanwhile; after --rights-grace it serves nobody: ask another node";

    private static Reply Of(ReplyStatus status, string message) =>
        new() { Status = status, Message = message };
}
