using System.Text.Json;
using Kvorum.Node.Access;
using Kvorum.Server.Http;
using Microsoft.AspNetCore.Routing;

namespace Kvorum.Tests.Server.Http;

/// <summary>The OpenAPI document against what the routes answer; see also <see cref="HttpTest"/>.</summary>
public class OpenApiTests(HttpFixture fixture) : HttpTest(fixture)
{
    [Fact]
    public async Task Every_route_is_described_and_no_other()
    {
        var described = (await DescriptionAsync()).Operations
            .Select(static one => $"{one.Method} {one.Pattern}").Order(StringComparer.Ordinal);
        var served = Fixture.Server.Routes
            .SelectMany(static route => route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods
                .Select(method => $"{method} {route.RoutePattern.RawText}"))
            .Order(StringComparer.Ordinal);
        Assert.Equal(served, described);
    }

    [Fact]
    public async Task Every_operation_has_a_name_of_its_own()
    {
        var names = (await DescriptionAsync()).Operations
            .Select(static one => one.Operation.GetProperty("operationId").GetString()).ToArray();
        Assert.Equal(names.Distinct(), names);
    }

    [Fact]
    public async Task The_document_refers_only_to_what_it_has()
    {
        var description = await DescriptionAsync();
        Assert.All(description.References(), reference => description.Resolve(reference));
    }

    [Fact]
    public async Task Every_described_status_can_be_provoked()
    {
        await SendAsync("PUT", $"/v1/kv/{Provocation.Key}", [1, 2, 3]);
        foreach (var (method, pattern, _, statuses) in (await DescriptionAsync()).Operations)
        {
            foreach (var status in statuses)
            {
                var isOfNode = !pattern.Contains("/kv", StringComparison.Ordinal) || pattern == "/kv/stats";
                Node.IsReady = !(isOfNode && status == 503);
                Node.IsMute = isOfNode && status == 503;
                Node.Access = (status, pattern) switch
                {
                    (401 or 403, _) => HttpFixture.Enforced,
                    _ when Provocation.IsOfUser(pattern, status) => HttpFixture.Enforced,
                    (503, "/v1/admin/identity") => null,
                    _ => AccessTable.Empty,
                };
                var (target, body, headers) = Provocation.Of(method, pattern, status);
                var disperse = Provocation.IsOfUser(pattern, status) ? Fixture.Crowd() : static () => { };
                var answer = await SendAsync(method, target, body, headers);
                disperse();
                Assert.Equal((method, pattern, status), (method, pattern, answer.Status));
                (Node.IsReady, Node.IsMute, Node.Access) = (true, false, AccessTable.Empty);
                if (method == "DELETE")
                    await SendAsync("PUT", $"/v1/kv/{Provocation.Key}", [1, 2, 3]);
            }
        }
    }

    [Fact]
    public async Task Every_described_media_type_is_answered()
    {
        await SendAsync("PUT", $"/v1/kv/{Provocation.Key}", [1, 2, 3]);
        foreach (var (method, pattern, operation, _) in (await DescriptionAsync()).Operations)
        {
            var served = operation.GetProperty("responses").GetProperty("200");
            if (!served.TryGetProperty("content", out var content))
                continue;
            foreach (var mediaType in content.EnumerateObject().Select(static one => one.Name))
            {
                var plain = Provocation.Plain(method, pattern);
                var target = mediaType == "application/x-ndjson" ? pattern : plain.Target;
                var answer = await SendAsync(method, target, plain.Body, ("Accept", mediaType));
                Assert.Equal((target, mediaType), (target, answer.ContentHeaders.ContentType?.MediaType));
            }
        }
    }

    [Fact]
    public async Task What_is_no_described_parameter_is_refused_with_those_that_are()
    {
        var description = await DescriptionAsync();
        foreach (var (method, pattern, operation, _) in description.Operations)
        {
            if (method == "HEAD")
                continue;
            var names = NamesOf(description, operation, "query");
            var (target, body, _) = Provocation.Of(method, pattern, 400);
            var there = names.Length == 0 ? "" : $"; there are: {string.Join(", ", names)}";
            Assert.Equal(
                $"{method} {pattern}: there is no parameter 'nonsense' here{there}",
                $"{method} {pattern}: {(await SendAsync(method, target, body)).Message}");
        }
    }

    /// <summary>A parameter that no handler reads would take what is no text.</summary>
    [Fact]
    public async Task Every_described_parameter_is_read()
    {
        foreach (var (route, method) in Routes())
        {
            var pattern = route.RoutePattern.RawText!;
            var operation = route.Metadata.GetRequiredMetadata<Operation>();
            foreach (var field in operation.Query.Where(static field => field.Kind != FieldKind.Bytes))
            {
                // A scan has no key.
                var plain = ScanRoute.Parameters.Contains(field)
                    ? new(pattern, null) : Provocation.Plain(method, pattern);
                var (target, body, _) = field == Fields.KeyBase64 && pattern == "/v1/kv"
                    ? new(pattern + "?key_base64=%FF", plain.Body) : plain.With($"{field.Name}=%FF");
                var answer = await SendAsync(method, target, body);
                Assert.Equal((target, 400), (target, answer.Status));
                Assert.Contains(field.Name, answer.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public async Task Every_described_header_is_read()
    {
        await SendAsync("PUT", $"/v1/kv/{Provocation.Key}", [1, 2, 3]);
        foreach (var (route, method) in Routes())
        {
            var pattern = route.RoutePattern.RawText!;
            var plain = Provocation.Plain(method, pattern);
            foreach (var field in route.Metadata.GetRequiredMetadata<Operation>().Headers)
            {
                // What belongs to no value, and an id that is given in the query, too.
                var (target, value) = field.Name switch
                {
                    "Kvorum-Client-Id" => (plain.With("client_id=a").Target, "a"),
                    "Kvorum-Request-Id" => (plain.Target, "x"),
                    _ => (plain.Target, "no-tag"),
                };
                var answer = await SendAsync(method, target, plain.Body, (field.Name, value));
                Assert.Equal(
                    (method, pattern, field.Name, 400), (method, pattern, field.Name, answer.Status));
            }
        }
    }

    [Fact]
    public async Task Every_described_member_of_a_body_is_read()
    {
        foreach (var member in SetBodyReader.Members)
        {
            // An array is nothing that a member may be.
            var answer = await SetAsync($$"""{"{{member.Name}}":[]}""");
            Assert.Equal((member.Name, 400), (member.Name, answer.Status));
            Assert.Contains($"'{member.Name}'", answer.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>The schema of a body says what the reader knows, and that it takes nothing else.</summary>
    [Fact]
    public async Task The_body_of_a_role_is_described()
    {
        var description = await DescriptionAsync();
        var body = description.Resolve(description.Operations
            .Single(static one => (one.Method, one.Pattern) == ("PUT", "/v1/admin/roles/{name}")).Operation
            .GetProperty("requestBody").GetProperty("content").GetProperty("application/json")
            .GetProperty("schema"));
        Assert.False(body.GetProperty("additionalProperties").GetBoolean());
        Assert.Equal("grants", body.GetProperty("required")[0].GetString());
        var grant = description.Resolve(
            body.GetProperty("properties").GetProperty("grants").GetProperty("items"));
        Assert.Equal(
            ["keyspace", "actions"],
            grant.GetProperty("required").EnumerateArray().Select(static one => one.GetString()));
        Assert.Equal(
            "base64",
            grant.GetProperty("properties").GetProperty("prefix").GetProperty("contentEncoding").GetString());
    }

    private static string[] NamesOf(Description description, JsonElement operation, string place) =>
        operation.TryGetProperty("parameters", out var parameters)
            ? [
                .. parameters.EnumerateArray().Select(description.Resolve)
                    .Where(parameter => parameter.GetProperty("in").GetString() == place)
                    .Select(static parameter => parameter.GetProperty("name").GetString()!),
            ]
            : [];

    private IEnumerable<(RouteEndpoint Route, string Method)> Routes() =>
        from route in Fixture.Server.Routes
        from method in route.Metadata.GetRequiredMetadata<IHttpMethodMetadata>().HttpMethods
        where method != "HEAD"
        select (route, method);
}
