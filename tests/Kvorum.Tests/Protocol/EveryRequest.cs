using System.Reflection;
using System.Text;
using Kvorum.Protocol;

namespace Kvorum.Tests.Protocol;

/// <summary>
/// Every kind of request, found by reflection: a kind or a field that is added later is in all tests over
/// them.
/// </summary>
internal static class EveryRequest
{
    /// <summary>The types of the family.</summary>
    public static IReadOnlyList<Type> Types { get; } = [.. typeof(Request).Assembly.GetTypes()
        .Where(static type => type.IsSubclassOf(typeof(Request)) && !type.IsAbstract)
        .OrderBy(static type => type.Name, StringComparer.Ordinal)];

    /// <summary>One request of each kind in which every field is set.</summary>
    public static IEnumerable<Request> Full => Types.Select(static type => Make(type, ValueOf));

    /// <summary>One request of each kind about a key; of all else only values are given.</summary>
    public static IEnumerable<Request> About(string key, string value = "v") => Types.Select(
        type => Make(type, property => property.Name switch
        {
            nameof(Request.Key) => (object)Bytes(key),
            nameof(PutRequest.Value) => (object)Bytes(value),
            _ => null,
        }));

    /// <summary>The fields of a request that a caller sets.</summary>
    public static IEnumerable<PropertyInfo> FieldsOf(Type type) =>
        type.GetProperties().Where(static property => property.CanWrite);

    private static Request Make(Type type, Func<PropertyInfo, object?> valueOf)
    {
        var request = (Request)Activator.CreateInstance(type)!;
        foreach (var property in FieldsOf(type))
        {
            if (valueOf(property) is { } value)
                property.SetValue(request, value);
        }

        return request;
    }

    private static object ValueOf(PropertyInfo property)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        return type switch
        {
            _ when type == typeof(ReadOnlyMemory<byte>) => Bytes($"the {property.Name}"),
            _ when type == typeof(string) => $"its-{property.Name}",
            _ when type == typeof(bool) => true,
            _ when type == typeof(uint) => 0x01020304u,
            _ when type == typeof(ulong) => 0x0102030405060708ul,
            _ when type == typeof(QuorumLevel) => QuorumLevel.All,
            _ when type == typeof(WriteVersion) => new WriteVersion(0x0102030405060708, 0x1112131415161718),
            _ when type == typeof(ReadConsistency) => ReadConsistency.Lease,
            _ => throw new NotSupportedException($"{property.Name} has a type that is new here: {type}."),
        };
    }

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
