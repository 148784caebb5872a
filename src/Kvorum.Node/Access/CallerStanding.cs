namespace Kvorum.Node.Access;

/// <summary>What somebody may do by one state of the users and roles.</summary>
/// <param name="Rights">The rights; null if it is nobody who is known.</param>
/// <param name="Why">Then the reason, for the one who asks: it tells nothing about others.</param>
/// <param name="UntilMs">From then on it must be asked again, in Unix milliseconds.</param>
/// <param name="User">The user; empty if it is nobody who is known.</param>
public sealed record CallerStanding(
    Rights? Rights, string Why, ulong UntilMs = ulong.MaxValue, string User = "")
{
    /// <summary>Who it is, for messages and logs.</summary>
    public string Who => User.Length == 0 ? "a caller that is not known" : $"user '{User}'";

    /// <summary>The caller is nobody who is known.</summary>
    public static CallerStanding None(string why) => new(null, why);

    /// <summary>
    /// The caller has shown to be a user; <paramref name="whyNot"/> is the reason if there is none of this
    /// name.
    /// </summary>
    public static CallerStanding OfUser(AccessTable table, string user, string whyNot)
    {
        ArgumentNullException.ThrowIfNull(table);
        return table.Users.GetValueOrDefault(user) is { IsDisabled: false }
            ? new(table.RightsOf(user), "", User: user) : None(whyNot);
    }
}
