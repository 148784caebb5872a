using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;

namespace Kvorum.Server.Http;

/// <summary>
/// JSON schemas of bodies, made from the types that write them and their attributes: each type of ours once,
/// by its name. A member that may be null is left out then, so it is not required and never null.
/// </summary>
internal sealed class OpenApiSchemas
{
    // JSON Schema's keyword, not the keyspace of that name.
    private static readonly string Default = JsonNamingPolicy.CamelCase.ConvertName(nameof(Default));

    private readonly JsonSchemaExporterOptions _exporting;

    public OpenApiSchemas() => _exporting = new() { TransformSchemaNode = Transform };

    /// <summary>The schemas by name.</summary>
    public JsonObject All { get; } = [];

    /// <summary>Exact bytes.</summary>
    public static JsonObject OfValue() => new() { ["type"] = "string", ["format"] = "binary" };

    /// <summary>A reference to a component of the document.</summary>
    public static JsonObject Reference(string kind, string name) =>
        new() { ["$ref"] = $"#/components/{kind}/{name}" };

    /// <summary>The schema of a field.</summary>
    public static JsonObject Of(Field field)
    {
        var schema = new JsonObject
        {
            ["type"] = field.Kind switch
            {
                FieldKind.Number => "integer",
                FieldKind.Flag => "boolean",
                _ => "string",
            },
        };
        if (field.Kind == FieldKind.Number)
            (schema["format"], schema["minimum"]) = ("int64", 0);
        if (field.Kind == FieldKind.Flag)
            schema[Default] = false;
        if (field.Kind == FieldKind.Base64)
            schema["contentEncoding"] = "base64";
        if (field.Choices.Length > 0)
            schema["enum"] = ArrayOf(field.Choices);
        if (field.Default is not null)
            schema[Default] = field.Default;
        if (field.Examples.Length > 0)
            schema["examples"] = ArrayOf(field.Examples);
        return schema;
    }

    /// <summary>A schema for a JSON object of these members and no other.</summary>
    public JsonObject OfMembers(string operation, Field[] members)
    {
        var name = $"{char.ToUpperInvariant(operation[0])}{operation[1..]}";
        All[name] = new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject(members.Select(static member =>
            {
                var schema = Of(member);
                schema["description"] = member.Description;
                return KeyValuePair.Create<string, JsonNode?>(member.Name, schema);
            })),
            ["additionalProperties"] = false,
        };
        return Reference("schemas", name);
    }

    /// <summary>A schema for what has one of these types.</summary>
    public JsonObject OfAny(JsonTypeInfo[] types) => types.Length == 1
        ? Of(types[0])
        : new() { ["anyOf"] = new JsonArray([.. types.Select(Of)]) };

    private JsonObject Of(JsonTypeInfo type)
    {
        if (!IsOurs(type))
            return (JsonObject)type.GetJsonSchemaAsNode(_exporting);
        var name = type.Type.Name;
        foreach (var ending in new[] { "Body", "Info" })
            name = name.EndsWith(ending, StringComparison.Ordinal) ? name[..^ending.Length] : name;
        if (!All.ContainsKey(name))
            All[name] = type.GetJsonSchemaAsNode(_exporting);
        return Reference("schemas", name);
    }

    private JsonObject Transform(JsonSchemaExporterContext context, JsonNode exported)
    {
        var type = context.TypeInfo;
        var isOurs = IsOurs(type);
        var schema = isOurs && !context.Path.IsEmpty ? Of(type) : (JsonObject)exported;
        // Never null: such a member is left out.
        if (schema["type"] is JsonArray types)
            schema["type"] = types.First(static one => (string)one! != "null")!.DeepClone();
        // Names of choices: the exporter leaves out that they are text.
        if (schema["enum"] is not null && schema["type"] is null)
            schema["type"] = "string";
        if (isOurs && context.Path.IsEmpty)
            schema["required"] = ArrayOf(type.Properties.Where(IsAlwaysThere).Select(static one => one.Name));
        AddBounds(schema, Nullable.GetUnderlyingType(type.Type) ?? type.Type);
        AddAttributes(schema, context.PropertyInfo);
        return schema;
    }

    private static void AddBounds(JsonObject schema, Type type)
    {
        if (type == typeof(long) || type == typeof(ulong))
            schema["format"] = "int64";
        if (type == typeof(uint) || type == typeof(ulong))
            schema["minimum"] = 0;
        if (type == typeof(byte[]))
            schema["contentEncoding"] = "base64";
    }

    private static void AddAttributes(JsonObject schema, JsonPropertyInfo? property)
    {
        foreach (var attribute in property?.AttributeProvider?.GetCustomAttributes(inherit: true) ?? [])
        {
            switch (attribute)
            {
                case DescriptionAttribute described:
                    schema["description"] = described.Description;
                    break;
                case AllowedValuesAttribute allowed:
                    schema["enum"] = ArrayOf(allowed.Values.Cast<string>());
                    break;
                case Base64StringAttribute:
                    schema["contentEncoding"] = "base64";
                    break;
            }
        }
    }

    private static bool IsOurs(JsonTypeInfo type) => type.Kind == JsonTypeInfoKind.Object
        && type.Type.FullName!.StartsWith("Kvorum.", StringComparison.Ordinal);

    private static bool IsAlwaysThere(JsonPropertyInfo property) =>
        !property.IsGetNullable && Nullable.GetUnderlyingType(property.PropertyType) is null;

    private static JsonArray ArrayOf(IEnumerable<string> texts) =>
        [.. texts.Select(static text => (JsonNode)text)];
}
