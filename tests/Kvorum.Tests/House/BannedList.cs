using System.Reflection;

namespace Kvorum.Tests.House;

/// <summary>
/// A list of banned APIs, as the analyzer reads it (<c>T:</c>, <c>P:</c>, <c>M:</c> and a reason), held
/// against compiled code: so it is also seen when somebody switched the analyzer off. Of virtual methods
/// compiled code names the base only (<c>object.GetHashCode</c>); those the analyzer alone can see.
/// </summary>
public sealed class BannedList
{
    private readonly HashSet<string> _ids;

    /// <summary>A list from the lines of its file.</summary>
    public BannedList(IEnumerable<string> lines) =>
        _ids = [.. lines.Where(line => line.Length > 0).Select(line => line.Split(';')[0])];

    /// <summary>How many APIs are banned.</summary>
    public int Count => _ids.Count;

    /// <summary>What among <paramref name="references"/> is banned, by documentation id, in order.</summary>
    public IReadOnlyList<string> Among(IEnumerable<MemberInfo> references) =>
        [.. references.SelectMany(Ids).Where(_ids.Contains).Distinct().Order(StringComparer.Ordinal)];

    private static IEnumerable<string> Ids(MemberInfo member)
    {
        // The compiler's iterators ask for the thread; this is no use of the machine.
        if (member is MethodBase { Name: "get_CurrentManagedThreadId" })
            yield break;
        switch (member)
        {
            // A type is banned through its members only where they are used: see the cases below.
            case Type type when type != typeof(Environment):
                yield return $"T:{type.FullName}";
                break;
            case MethodBase { Name: var name } method:
                var owner = Definition(method.DeclaringType!).FullName;
                yield return $"T:{owner}";
                if (name.StartsWith("get_", StringComparison.Ordinal))
                    yield return $"P:{owner}.{name[4..]}";
                if (method.GetParameters().Length == 0)
                    yield return $"M:{owner}.{name.Replace('.', '#')}";
                break;
        }
    }

    private static Type Definition(Type type) => type.IsGenericType ? type.GetGenericTypeDefinition() : type;
}
