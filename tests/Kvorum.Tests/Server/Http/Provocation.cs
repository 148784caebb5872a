using System.Text;
using Kvorum.Protocol;

namespace Kvorum.Tests.Server.Http;

/// <summary>
/// A request that makes an operation answer with a status: what a client has to do to see it.
/// </summary>
internal sealed record Provocation(string Target, byte[]? Body, params (string, string)[] Headers)
{
    private const string Here = "here";

    // The node double answers with the status that a key names.
    private static readonly Dictionary<int, ReplyStatus> OfNode = new()
    {
        [409] = ReplyStatus.SessionExpired,
        [429] = ReplyStatus.Overloaded,
        [499] = ReplyStatus.Cancelled,
        [500] = ReplyStatus.Internal,
        [503] = ReplyStatus.Unavailable,
        [504] = ReplyStatus.DeadlineExceeded,
        [507] = ReplyStatus.OutOfSpace,
    };

    /// <summary>The key that reads find.</summary>
    public static string Key => Here;

    /// <summary>A request that is served, with a key in any place but the body's.</summary>
    public static Provocation Plain(string method, string pattern, string key = Here) => pattern switch
    {
        "/kv/set" => new(pattern, Encoding.UTF8.GetBytes($$"""{"key":"{{key}}","value":"v"}""")),
        "/kv/get" or "/kv/delete" => new($"{pattern}?key={key}", null),
        "/v1/kv/{key}" => new($"/v1/kv/{key}", method == "PUT" ? [1, 2, 3] : null),
        "/v1/kv" => new(
            $"{pattern}?key_base64={Convert.ToBase64String(Encoding.UTF8.GetBytes(key)).TrimEnd('=')}",
            method == "PUT" ? [1, 2, 3] : null),
        "/v1/admin/locate" or "/v1/admin/explain" => new($"{pattern}?key={key}", null),
        "/v1/admin/keyspaces/{name}" => new(
            $"/v1/admin/keyspaces/{KeyspaceName.Default}" + (method == "PATCH" ? "?replicas=3" : ""), null),
        "/v1/admin/users/{name}" => new(
            "/v1/admin/users/ann" + (method == "PATCH" ? "?disabled=true" : ""), null),
        "/v1/admin/roles/{name}" => new(
            "/v1/admin/roles/shop", method == "PUT" ? """{"grants":[]}"""u8.ToArray() : null),
        "/v1/admin/join-tokens/{id}" => new(
            "/v1/admin/join-tokens/0123456789abcdef",
            method == "PUT"
                ? """{"node":"n","proof_hash":"AA==","sealed":"AA==","expires_ms":1}"""u8.ToArray() : null),
        "/v1/admin/rights" => new($"{pattern}?enforced=false", null),
        _ => new(
            pattern.Replace("{name}", "node-1", StringComparison.Ordinal)
                .Replace("{id}", "0123456789abcdef", StringComparison.Ordinal)
                .Replace("{keyspace}", KeyspaceName.Default, StringComparison.Ordinal)
                .Replace("{partition}", "2", StringComparison.Ordinal),
            null),
    };

    private static bool IsOfOperators(string pattern) =>
        pattern.StartsWith("/v1/admin/", StringComparison.Ordinal)
        || pattern is "/cluster" or "/partitions" or "/partitions/stats";

    /// <summary>True if the status comes of what the caller's user has under way already.</summary>
    public static bool IsOfUser(string pattern, int status) => status == 429
        && (pattern is "/kv/stats" or "/v1/status" or "/v1/map" or "/v1/admin/identity");

    /// <summary>The request for a status.</summary>
    public static Provocation Of(string method, string pattern, int status)
    {
        var plain = Plain(method, pattern);
        var isWrite = method is not ("GET" or "HEAD");
        return status switch
        {
            200 => plain,
            304 => plain with { Headers = [("If-None-Match", "*")] },
            400 => plain.With("nonsense=1"),
            401 => plain,
            _ when status == 403 || IsOfUser(pattern, status) =>
                plain with { Headers = [("Authorization", $"Bearer {HttpFixture.PoorKey}")] },
            // The node double answers operators with the status that the time given names.
            412 or 429 or 503 when IsOfOperators(pattern) => plain.With($"timeout={status}ms"),
            404 => Plain(method, pattern, "absent"),
            412 when isWrite => Plain(method, pattern, $"status:{ReplyStatus.ConditionFailed}"),
            412 => plain with { Headers = [("If-Match", "\"999999\"")] },
            413 => plain with { Body = new byte[1 << 20] },
            415 => plain with { Body = [1], Headers = [("Content-Encoding", "gzip")] },
            421 => plain with { Headers = [("Host", "evil.example")] },
            503 when !pattern.Contains("kv", StringComparison.Ordinal) || pattern == "/kv/stats" => plain,
            _ => Plain(method, pattern, $"status:{OfNode[status]}"),
        };
    }

    /// <summary>The same with one more query parameter.</summary>
    public Provocation With(string parameter)
    {
        var separator = Target.Contains('?', StringComparison.Ordinal) ? '&' : '?';
        return this with { Target = $"{Target}{separator}{parameter}" };
    }
}
