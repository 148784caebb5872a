using System.Text.Json;

namespace Kvorum.Tests.Server.Http;

/// <summary>The served OpenAPI document, as something that answers can be held against.</summary>
internal sealed class Description(JsonElement document)
{
    public JsonElement Paths => document.GetProperty("paths");

    /// <summary>All operations, with the statuses that each may answer.</summary>
    public IEnumerable<(string Method, string Pattern, JsonElement Operation, int[] Statuses)> Operations =>
        from path in Paths.EnumerateObject()
        from member in path.Value.EnumerateObject()
        where member.Name != "parameters"
        select (
            member.Name.ToUpperInvariant(), path.Name, member.Value,
            member.Value.GetProperty("responses").EnumerateObject()
                .Select(static response => int.Parse(response.Name, null)).ToArray());

    /// <summary>The described path that a target falls under; null if there is none.</summary>
    public string? PatternOf(string target)
    {
        var path = target.Split('?')[0];
        if (path.StartsWith("/v1/kv/", StringComparison.Ordinal))
            path = path.Length > 7 ? "/v1/kv/{key}" : "/v1/kv";
        return Paths.TryGetProperty(path, out _) ? path
            : Paths.EnumerateObject().Select(static one => one.Name)
                .FirstOrDefault(pattern => IsOf(pattern.Split('/'), path.Split('/')));
    }

    private static bool IsOf(string[] pattern, string[] path) => pattern.Length == path.Length
        && pattern.Zip(path).All(static pair =>
            pair.First == pair.Second || (pair.First.StartsWith('{') && pair.Second.Length > 0));

    /// <summary>
    /// Fails unless the operation is described with the answer's status, media type, headers and shape.
    /// </summary>
    public void Check(string pattern, string method, HttpTest.Answer answer)
    {
        var where = $"{method} {pattern} {answer.Status}";
        Assert.True(
            Paths.GetProperty(pattern).TryGetProperty(method.ToLowerInvariant(), out var operation),
            $"{method} {pattern} is not described");
        Assert.True(
            operation.GetProperty("responses").TryGetProperty($"{answer.Status}", out var found),
            $"{where}: the status is not described");
        var response = Resolve(found);
        if (answer.Status == 200)
            CheckHeaders(response, answer, where);
        if (answer.Bytes.Length == 0)
            return;
        var mediaType = answer.ContentHeaders.ContentType!.MediaType!;
        Assert.True(
            response.GetProperty("content").TryGetProperty(mediaType, out var content),
            $"{where}: {mediaType} is not described");
        var texts = mediaType switch
        {
            "application/json" => [answer.Text],
            "application/x-ndjson" => answer.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries),
            _ => [],
        };
        foreach (var text in texts)
        {
            var json = JsonDocument.Parse(text).RootElement;
            Assert.Empty(Problems(content.GetProperty("schema"), json, where));
        }
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

    private static void CheckHeaders(JsonElement response, HttpTest.Answer answer, string where)
    {
        var described = response.TryGetProperty("headers", out var headers)
            ? headers.EnumerateObject().Select(static header => header.Name).ToArray() : [];
        foreach (var (name, _) in answer.Headers)
        {
            if (name == "ETag" || name.StartsWith("Kvorum-", StringComparison.Ordinal))
                Assert.True(described.Contains(name), $"{where}: the header {name} is not described");
        }
    }

    /// <summary>Where a value is not as a schema says.</summary>
    private IEnumerable<string> Problems(JsonElement given, JsonElement value, string where)
    {
        var schema = Resolve(given);
        if (schema.TryGetProperty("anyOf", out var shapes))
        {
            return shapes.EnumerateArray().Any(shape => !Problems(shape, value, where).Any())
                ? [] : [$"{where}: {value} has none of the described shapes"];
        }

        if (schema.GetProperty("type").GetString() is var type && type != TypeOf(value))
            return [$"{where}: {value} is no {type}"];
        if (schema.TryGetProperty("enum", out var choices)
            && !choices.EnumerateArray().Any(choice => choice.GetString() == value.GetString()))
            return [$"{where}: '{value}' is not among {choices}"];
        return value.ValueKind switch
        {
            JsonValueKind.Array => value.EnumerateArray().SelectMany(
                item => Problems(schema.GetProperty("items"), item, where)),
            JsonValueKind.Object => ProblemsOfMembers(schema, value, where),
            _ => [],
        };
    }

    private IEnumerable<string> ProblemsOfMembers(JsonElement schema, JsonElement value, string where)
    {
        if (schema.TryGetProperty("properties", out var properties))
        {
            foreach (var name in schema.GetProperty("required").EnumerateArray())
            {
                if (!value.TryGetProperty(name.GetString()!, out _))
                    yield return $"{where}: '{name}' is missing";
            }
        }

        var ofOthers = schema.TryGetProperty("additionalProperties", out var others) ? others : schema;
        foreach (var member in value.EnumerateObject())
        {
            if (properties.ValueKind == JsonValueKind.Object
                && !properties.TryGetProperty(member.Name, out _))
                yield return $"{where}: '{member.Name}' is not described";
            else if (properties.ValueKind == JsonValueKind.Object)
            {
                foreach (var problem in Problems(
                    properties.GetProperty(member.Name), member.Value, $"{where}.{member.Name}"))
                    yield return problem;
            }
            else if (!ofOthers.Equals(schema))
            {
                foreach (var problem in Problems(ofOthers, member.Value, $"{where}.{member.Name}"))
                    yield return problem;
            }
        }
    }

    private static string TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False => "boolean",
        JsonValueKind.Number => value.TryGetInt64(out _) || value.TryGetUInt64(out _) ? "integer" : "number",
        var kind => $"{kind}".ToLowerInvariant(),
    };

    private static IEnumerable<JsonElement> References(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object when element.TryGetProperty("$ref", out _) => [element],
        JsonValueKind.Object =>
            element.EnumerateObject().SelectMany(static member => References(member.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(References),
        _ => [],
    };
}
