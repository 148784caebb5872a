using System.Reflection;

namespace Kvorum.Tests.House;

/// <summary>
/// Which folders (namespaces) of an assembly refer to which. The root folder is common ground and has no
/// arrows.
/// </summary>
public static class FolderArrows
{
    /// <summary>Pairs of folder names below <paramref name="root"/>, in order.</summary>
    public static IReadOnlyList<(string From, string To)> Of(
        ILookup<Type, MemberInfo> references, string root) =>
        [.. references
            .SelectMany(group => group.Select(to =>
                (From: Folder(group.Key, root), To: Folder(TypeOf(to), root))))
            .Where(arrow => arrow.From.Length > 0 && arrow.To.Length > 0 && arrow.From != arrow.To)
            .Distinct()
            .Order()];

    /// <summary>The first cycle found, as a path that ends where it began; empty if there is none.</summary>
    public static IReadOnlyList<string> Cycle(IReadOnlyList<(string From, string To)> arrows)
    {
        var path = new List<string>();
        var done = new HashSet<string>();
        return arrows.Select(arrow => arrow.From).Distinct().Any(Visit) ? path : [];

        bool Visit(string folder)
        {
            var start = path.IndexOf(folder);
            path.Add(folder);
            if (start >= 0)
            {
                path.RemoveRange(0, start);
                return true;
            }

            if (done.Add(folder) && arrows.Where(arrow => arrow.From == folder).Any(arrow => Visit(arrow.To)))
                return true;
            path.RemoveAt(path.Count - 1);
            return false;
        }
    }

    private static Type TypeOf(MemberInfo member) => member as Type ?? member.DeclaringType!;

    private static string Folder(Type type, string root)
    {
        while (type.DeclaringType is { } outer)
            type = outer;
        return type.Namespace is { } name && name.StartsWith(root + ".", StringComparison.Ordinal)
            ? name[(root.Length + 1)..] : "";
    }
}
