namespace Kvorum.Node.Access;

/// <summary>What somebody may do: the sum of grants. Immutable; any thread.</summary>
public sealed class Rights(IEnumerable<Grant> grants)
{
    private readonly Grant[] _grants = [.. grants];

    /// <summary>No rights at all.</summary>
    public static Rights None { get; } = new([]);

    /// <summary>Every right.</summary>
    public static Rights All { get; } = new([Grant.Everywhere(AccessActionNames.All)]);

    /// <summary>What they are made of.</summary>
    public IReadOnlyList<Grant> Grants => _grants;

    /// <summary>
    /// True if each action that is needed is granted on all keys that it is about; not necessarily by the
    /// same grant.
    /// </summary>
    public bool Allow(in AccessNeed need)
    {
        var left = need.Actions;
        foreach (var grant in _grants)
        {
            if (left == AccessActions.None)
                break;
            if ((grant.Actions & left) != 0 && grant.Covers(need))
                left &= ~grant.Actions;
        }

        return left == AccessActions.None;
    }

    /// <summary>Why a request is refused, for the one who asks: what they lack, and nothing about others.
    /// </summary>
    public static string WhyNot(string who, in AccessNeed need)
    {
        var what = string.Join(" and ", AccessActionNames.Of(need.Actions));
        if (need.Keyspace == AccessNeed.AllKeyspaces)
            return $"{who} has no right to {what} in the cluster";
        return need.Keys == default && !need.IsOneKey
            ? $"{who} has no right to {what} keyspace '{need.Keyspace}' as a whole"
            : $"{who} has no right to {what} {(need.IsOneKey ? "this key" : "all keys of this range")} in "
                + $"keyspace '{need.Keyspace}'";
    }
}
