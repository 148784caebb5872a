using System.Globalization;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Groups;

/// <summary>Which groups a damaged log has hurt, in words: a function.</summary>
internal static class GroupLosses
{
    // One line is read by people.
    private const int NamedMax = 8;

    /// <summary>
    /// The groups that may lack entries which are not in their tables.
    /// </summary>
    /// <param name="losses">What the log may have lost.</param>
    /// <param name="checkpoints">Of each group of this node, up to which index its tables have all.</param>
    /// <param name="nameOf">What a group is called to operators.</param>
    public static string Describe(
        LogLosses losses, IReadOnlyDictionary<GroupId, ulong> checkpoints, Func<GroupId, string> nameOf)
    {
        List<string> hurt = [];
        foreach (var (group, checkpoint) in checkpoints.OrderBy(static one => one.Key))
        {
            if (losses.Whole.Contains(group.Value))
                continue;
            var (from, to) = losses.Groups.TryGetValue(group.Value, out var lost)
                ? lost : (1, ulong.MaxValue);
            from = Math.Max(from, checkpoint + 1);
            if (from <= to)
                hurt.Add(nameOf(group) + RangeOf(from, to));
        }

        if (hurt.Count == 0)
            return "No group lacks an entry on this node, as far as the rest of the log tells.";
        var others = checkpoints.Count - hurt.Count;
        return $"Of {hurt.Count} of {checkpoints.Count} groups this node may have lost entries: "
            + string.Join(", ", hurt.Take(NamedMax))
            + (hurt.Count > NamedMax ? $", and {hurt.Count - NamedMax} more" : "") + "."
            + (others > 0 ? " It has all of the others." : "");
    }

    private static string RangeOf(ulong from, ulong to) => to == ulong.MaxValue
        ? string.Create(CultureInfo.InvariantCulture, $" (from index {from} on)")
        : string.Create(CultureInfo.InvariantCulture, $" (index {from} to {to})");
}
