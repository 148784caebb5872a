namespace Kvorum.Node.Access;

/// <summary>What a right is to. Values are on disk: never renumber.</summary>
[Flags]
public enum AccessActions : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Values and versions of single keys are read.</summary>
    Read = 1,

    /// <summary>Keys are set.</summary>
    Write = 2,

    /// <summary>Keys are removed.</summary>
    Delete = 4,

    /// <summary>Ranges of keys are read.</summary>
    Scan = 8,

    /// <summary>The state of nodes, members, partitions and what has happened is shown.</summary>
    Status = 16,

    /// <summary>Members, keyspaces and limits are changed.</summary>
    Admin = 32,

    /// <summary>Users, roles and keys are shown and changed, and whether rights are enforced.</summary>
    Security = 64,
}

/// <summary>The names of actions.</summary>
public static class AccessActionNames
{
    /// <summary>Every action.</summary>
    public const AccessActions All = (AccessActions)127;

    /// <summary>The names, as people write them.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["read", "write", "delete", "scan", "status", "admin", "security"];

    /// <summary>The names of some actions.</summary>
    public static IReadOnlyList<string> Of(AccessActions actions) =>
        [.. Names.Where((_, bit) => ((int)actions & (1 << bit)) != 0)];

    /// <summary>The actions of these names; null if one of them is none.</summary>
    public static AccessActions? ParseOrNull(IEnumerable<string> names)
    {
        var actions = AccessActions.None;
        foreach (var name in names)
        {
            var bit = Names.TakeWhile(known => known != name).Count();
            if (bit == Names.Count)
                return null;
            actions |= (AccessActions)(1 << bit);
        }

        return actions;
    }
}
