using System.Reflection;
using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace Kvorum.Tests.House;

/// <summary>
/// Holds an assembly's public types and members against the documentation that the compiler collected.
/// </summary>
public static class XmlDocs
{
    private const BindingFlags Own =
        BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    /// <summary>
    /// Public types and members without documentation, by documentation id without parameters.
    /// </summary>
    public static IEnumerable<string> Missing(Assembly assembly, XDocument docs)
    {
        var written = docs.Descendants("member")
            .Where(member => member.HasElements)
            .Select(member => NameOf(member.Attribute("name")!.Value))
            .ToHashSet();
        return assembly.GetExportedTypes().Where(type => IsWritten(type) && House.HasFolder(type.Namespace!))
            .SelectMany(type => Members(type).Prepend(NameOf(type)))
            .Where(id => !written.Contains(id))
            .Distinct();
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (typeof(Delegate).IsAssignableFrom(type))
            yield break;
        var constructors = IsRecord(type) ? type.GetConstructors() : [];
        var positional = constructors.SelectMany(made => made.GetParameters())
            .Select(given => given.Name)
            .ToHashSet();
        foreach (var member in type.GetMembers(Own).Where(IsWritten))
        {
            var id = $"{TypeName(type)}.{member.Name}";
            switch (member)
            {
                case MethodInfo { IsSpecialName: false } method when method.GetBaseDefinition() == method:
                    yield return $"M:{id}";
                    break;
                case PropertyInfo property when !positional.Contains(property.Name) && !IsOverride(property):
                    yield return $"P:{id}";
                    break;
                case EventInfo:
                    yield return $"E:{id}";
                    break;
                case FieldInfo { IsSpecialName: false }:
                    yield return $"F:{id}";
                    break;
            }
        }
    }

    // A record struct has no clone, but prints its members like any record.
    private static bool IsRecord(Type type) =>
        type.GetMethod("PrintMembers", BindingFlags.NonPublic | BindingFlags.Instance) is not null;

    private static bool IsWritten(MemberInfo member) =>
        !member.IsDefined(typeof(CompilerGeneratedAttribute))
        && !member.IsDefined(typeof(System.CodeDom.Compiler.GeneratedCodeAttribute))
        && (member is not Type { DeclaringType: { } outer } || IsWritten(outer));

    private static bool IsOverride(PropertyInfo property) =>
        property.GetAccessors() is [var accessor, ..] && accessor.GetBaseDefinition() != accessor;

    private static string NameOf(Type type) => $"T:{TypeName(type)}";

    private static string TypeName(Type type) => type.FullName!.Replace('+', '.');

    // "M:N.Type.Method``1(System.Int32)" is known by its name; overloads are not told apart.
    private static string NameOf(string id)
    {
        var parameters = id.IndexOf('(', StringComparison.Ordinal);
        var name = parameters < 0 ? id : id[..parameters];
        var generic = name.IndexOf("``", StringComparison.Ordinal);
        return generic < 0 ? name : name[..generic];
    }
}
