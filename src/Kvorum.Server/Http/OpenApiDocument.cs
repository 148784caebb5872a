using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Routing;

namespace Kvorum.Server.Http;

/// <summary>The OpenAPI 3.1 document of routes, made from their operations. Used once.</summary>
internal sealed class OpenApiDocument
{
    private readonly JsonObject _parameters = [];
    private readonly JsonObject _responses = [];
    private readonly OpenApiSchemas _schemas = new();

    /// <summary>The document as JSON in UTF-8.</summary>
    public byte[] Of(IEnumerable<RouteEndpoint> routes)
    {
        var paths = new JsonObject();
        foreach (var route in routes)
        {
            var pattern = route.RoutePattern.RawText!;
            if (!paths.TryGetPropertyValue(pattern, out var path))
                paths[pattern] = path = PathOf(route);
            foreach (var method in route.Metadata.GetRequiredMetadata<IHttpMethodMetadata>().HttpMethods)
                path![method.ToLowerInvariant()] =
                    OperationOf(route.Metadata.GetRequiredMetadata<Operation>(), method);
        }

        var document = new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject
            {
                ["title"] = "Kvorum",
                ["version"] = "1",
                ["description"] = "A distributed key-value store. Keys and values are exact bytes. Errors "
                    + "are JSON; an error is never an absence.",
                ["license"] = new JsonObject { ["name"] = "Apache-2.0", ["identifier"] = "Apache-2.0" },
            },
            // Where rights are enforced; else nothing need be shown.
            ["security"] = new JsonArray(new JsonObject(), new JsonObject { ["token"] = new JsonArray() }),
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["parameters"] = _parameters,
                ["responses"] = _responses,
                ["schemas"] = _schemas.All,
                ["securitySchemes"] = new JsonObject
                {
                    ["token"] = new JsonObject
                    {
                        ["type"] = "http",
                        ["scheme"] = "bearer",
                        ["description"] = "An API key, or a JSON Web Token.",
                    },
                },
            },
        };
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(
            bytes, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = true }))
            document.WriteTo(json);
        return bytes.WrittenSpan.ToArray();
    }

    private static JsonObject PathOf(RouteEndpoint route) =>
        route.Metadata.GetRequiredMetadata<Operation>().Path is { Length: > 0 } fields
            ? new() { ["parameters"] = new JsonArray([.. fields.Select(OfPath)]) } : [];

    private static JsonNode OfPath(Field field) => ParameterOf(field, "path");

    private JsonObject OperationOf(Operation operation, string method)
    {
        var isHead = method == "HEAD";
        var described = new JsonObject
        {
            ["operationId"] = isHead
                ? $"head{char.ToUpperInvariant(operation.Id[0])}{operation.Id[1..]}" : operation.Id,
            ["summary"] = isHead ? "As get, without the body." : operation.Summary,
            ["tags"] = new JsonArray(operation.Tag),
        };
        JsonArray parameters =
        [
            .. operation.Query.Select(field => ParameterReference(field, "query")),
            .. operation.Headers.Select(field => ParameterReference(field, "header")),
        ];
        if (parameters.Count > 0)
            described["parameters"] = parameters;
        if (operation.Members.Length > 0)
            described["requestBody"] = BodyOf(
                "application/json", _schemas.OfMembers(operation.Id, operation.Members));
        else if (operation.Body is { } body)
            described["requestBody"] = BodyOf("application/json", _schemas.OfAny([body]));
        else if (operation.TakesValue)
            described["requestBody"] = BodyOf("application/octet-stream", OpenApiSchemas.OfValue());
        described["responses"] = ResponsesOf(operation, isHead);
        return described;
    }

    private static JsonObject BodyOf(string mediaType, JsonObject schema) => new()
    {
        ["required"] = true,
        ["content"] = new JsonObject { [mediaType] = new JsonObject { ["schema"] = schema } },
    };

    private JsonObject ResponsesOf(Operation operation, bool isHead)
    {
        var responses = new JsonObject();
        foreach (var answer in operation.Answers)
            responses[$"{answer.Status}"] = ResponseOf(answer, isHead);
        foreach (var status in operation.Failures.Except(operation.Answers.Select(static one => one.Status)))
            responses[$"{status}"] = FailureReference(status);
        return responses;
    }

    private JsonObject ResponseOf(Answer answer, bool isHead)
    {
        var response = new JsonObject { ["description"] = answer.Description };
        if (answer.Headers.Length > 0)
            response["headers"] = new JsonObject(answer.Headers.Select(static field =>
                KeyValuePair.Create<string, JsonNode?>(field.Name, new JsonObject
                {
                    ["description"] = field.Description,
                    ["schema"] = OpenApiSchemas.Of(field),
                })));
        var content = new JsonObject();
        if (answer.IsValue)
            content["application/octet-stream"] = new JsonObject { ["schema"] = OpenApiSchemas.OfValue() };
        Add(content, "application/json", answer.Json);
        Add(content, "application/x-ndjson", answer.Lines);
        if (content.Count > 0 && !isHead)
            response["content"] = content;
        return response;
    }

    private void Add(JsonObject content, string mediaType, JsonTypeInfo[] shapes)
    {
        if (shapes.Length > 0)
            content[mediaType] = new JsonObject { ["schema"] = _schemas.OfAny(shapes) };
    }

    private JsonObject FailureReference(int status)
    {
        var (name, description) = FailureStatuses.Of(status);
        if (!_responses.ContainsKey(name))
            _responses[name] = ResponseOf(
                new(status, description) { Json = [BodyContext.Default.ErrorBody] }, isHead: false);
        return OpenApiSchemas.Reference("responses", name);
    }

    private JsonObject ParameterReference(Field field, string place)
    {
        if (!_parameters.ContainsKey(field.Name))
            _parameters[field.Name] = ParameterOf(field, place);
        return OpenApiSchemas.Reference("parameters", field.Name);
    }

    private static JsonObject ParameterOf(Field field, string place) => new()
    {
        ["name"] = field.Name,
        ["in"] = place,
        ["required"] = place == "path",
        ["description"] = field.Description,
        ["schema"] = OpenApiSchemas.Of(field),
    };
}
