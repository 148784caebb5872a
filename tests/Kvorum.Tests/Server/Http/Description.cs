using System.Text.Json;

namespace Kvorum.Tests.Server.Http;

/// <summary>The served OpenAPI document, as something that answers can be held against.</summary>
internal sealed class Description(JsonElement document)
{
    public JsonElement Paths => document.GetProperty("paths");

    /// <summary>
    /// Fails unless the operation is described with this status, and a JSON answer has the described members.
    /// </summary>
    public void Check(string pattern, string method, int status, string? json)
    {
        Assert.True(
            Paths.GetProperty(pattern).TryGetProperty(method.ToLowerInvariant(), out var operation),
            $"{method} {pattern} is not described");
        Assert.True(
            operation.GetProperty("responses").TryGetProperty($"{status}", out var response),
            $"{method} {pattern} answered {status}, which is not described");
        if (json is null)
            return;
        var content = Resolve(response).GetProperty("content").GetProperty("application/json");
        CheckShape(Resolve(content.GetProperty("schema")), JsonDocument.Parse(
            json).RootElement, $"{method} {pattern} {status}");
    }

    /// <summary>Follows a $ref.</summary>
    public JsonElement Resolve(JsonElement element)
    {
        if (!element.TryGetProperty("$ref", out var reference))
            return element;
        var target = document;
        foreach (var step in reference.GetString()!.TrimStart('#', '/').Split('/'))
            target = target.GetProperty(step);
        return target;
    }

    /// <summary>Every $ref in the document.</summary>
    public IEnumerable<JsonElement> References() => References(document);

    private void CheckShape(JsonElement schema, JsonElement value, string where)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in value.EnumerateArray())
                CheckShape(Resolve(schema.GetProperty("items")), item, where);
        }

        if (value.ValueKind != JsonValueKind.Object
            || !schema.TryGetProperty("properties", out var properties))
            return;
        foreach (var member in value.EnumerateObject())
        {
            var isDescribed = properties.TryGetProperty(member.Name, out var described);
            Assert.True(isDescribed, $"{where}: '{member.Name}' is not described");
            CheckShape(Resolve(described), member.Value, where);
        }

        if (schema.TryGetProperty("required", out var required))
        {
            foreach (var name in required.EnumerateArray())
                Assert.True(value.TryGetProperty(name.GetString()!, out _), $"{where}: '{name}' is missing");
        }
    }

    private static IEnumerable<JsonElement> References(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object when element.TryGetProperty("$ref", out _) => [element],
        JsonValueKind.Object =>
            element.EnumerateObject().SelectMany(static member => References(member.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(References),
        _ => [],
    };
}
