using System.Reflection;

namespace Kvorum.Tests.House;

/// <summary>
/// Which folders (namespaces) of an assembly refer to which. A type in the root folder stands for itself:
/// what lies at the bottom and what stands on top of all both live there, and no folder may refer to a type
/// that refers back to it.
/// </summary>
public static class FolderArrows
{
    // No folder begins with it.
    private const string InRoot = "./";

    /// <summary>
    /// Pairs of folders below <paramref name="root"/>, or types in it (<c>./NodeOptions</c>), in order.
    /// </summary>
    public static IReadOnlyList<(string From, string To)> Of(
        ILookup<Type, MemberInfo> references, string root) =>
        [.. references
            .SelectMany(group => group.Select(to =>
                (From: PlaceOf(group.Key, root), To: PlaceOf(TypeOf(to), root))))
            .Where(arrow => arrow.From.Length > 0 && arrow.To.Length > 0 && arrow.From != arrow.To)
            .Distinct()
            .Order()];

    /// <summary>True for a folder, false for a type in the root folder.</summary>
    public static bool IsFolder(string place) => !place.StartsWith(InRoot, StringComparison.Ordinal);

    /// <summary>
    /// The first cycle found that goes through a folder, as a path that ends where it began; empty if there
    /// is none. Types of the root folder may refer to each other, as types of any folder may.
    /// </summary>
    public static IReadOnlyList<string> Cycle(IReadOnlyList<(string From, string To)> arrows)
    {
        var targets = arrows.ToLookup(arrow => arrow.From, arrow => arrow.To);
        return arrows.Select(arrow => arrow.From).Where(IsFolder).Distinct()
            .Select(folder => WayBack(folder, targets)).FirstOrDefault(way => way.Count > 0) ?? [];
    }

    // The shortest.
    private static List<string> WayBack(string folder, ILookup<string, string> targets)
    {
        var cameFrom = new Dictionary<string, string>();
        var open = new Queue<string>([folder]);
        while (open.TryDequeue(out var place))
        {
            foreach (var next in targets[place].Where(next => cameFrom.TryAdd(next, place)))
            {
                if (next == folder)
                    return WayTo(folder, cameFrom);
                open.Enqueue(next);
            }
        }

        return [];
    }

    private static List<string> WayTo(string folder, Dictionary<string, string> cameFrom)
    {
        List<string> way = [folder];
        do
            way.Insert(0, cameFrom[way[0]]);
        while (way[0] != folder);
        return way;
    }

    private static Type TypeOf(MemberInfo member) => member as Type ?? member.DeclaringType!;

    private static string PlaceOf(Type type, string root)
    {
        while (type.DeclaringType is { } outer)
            type = outer;
        if (type.IsGenericType)
            type = type.GetGenericTypeDefinition();
        return type.Namespace == root ? InRoot + type.Name
            : type.Namespace is { } name && name.StartsWith(root + ".", StringComparison.Ordinal)
                ? name[(root.Length + 1)..] : "";
    }
}
