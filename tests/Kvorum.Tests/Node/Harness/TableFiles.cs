using Kvorum.Node;
using Kvorum.Node.Groups;

namespace Kvorum.Tests.Node.Harness;

/// <summary>Where a node has the tables of a group.</summary>
internal static class TableFiles
{
    /// <summary>True if it is the path of a table of the group.</summary>
    public static bool IsTableOf(GroupId group, string path) =>
        path.StartsWith($"{GroupFolder.Of(group)}/", StringComparison.Ordinal)
        && path.EndsWith(".table", StringComparison.Ordinal);
}
