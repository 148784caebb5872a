using System.Buffers;
using System.Net;
using System.Text.Json;
using Google.Protobuf.Reflection;
using Google.Protobuf;
using Kvorum.Client;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Server.Hosting;
using Kvorum.Tests.Protocol;
using Kvorum.Tests.Server.Access.Jwt;
using Kvorum.Tests.Server.Grpc;
using Kvorum.Tests.Server.Native;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Hosting;

/// <summary>
/// A whole server that enforces rights, through every route, method and frame that it has: those that are
/// made later are in these tests, too.
/// </summary>
public sealed class RightsServerTests : IAsyncLifetime
{
    private static readonly HttpClient Http = new();

    // What a probe and a program that looks for the description need. Everything else takes rights.
    private static readonly string[] PublicRoutes = ["/health", "/readyz", "/ready", "/livez",
        "/openapi/v1.json"];

    private static readonly string[] PublicServices =
    [
        "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-test-").FullName;
    private KvorumServer _server = null!;
    private string _admin = "";
    private string _shop = "";

    private string Audit => Path.Combine(_folder, "audit.log");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var keys = Path.Combine(_folder, "jwks.json");
        await File.WriteAllTextAsync(keys, TokenIssuer.Keys, Cancelled);
        _server = await KvorumServer.StartAsync(new()
        {
            Id = "node-1",
            DataFolder = Path.Combine(_folder, "data"),
            AuditLog = Audit,
            JwtIssuer = TokenIssuer.Issuer,
            JwtAudience = TokenIssuer.Audience,
            JwtKeys = keys,
            ClientAddress = "127.0.0.1:0",
            HttpAddress = "127.0.0.1:0",
            PeerAddress = "127.0.0.1:0",
            Partitions = 4,
        });
        await Eventually.Holds(
            () => _server.StatusAsync().GetAwaiter().GetResult() is { IsReady: true, FormatVersion: > 1 },
            seconds: 60);
        await using var client = Connect("");
        await Do(client, new CreateUser("root", ["admin"]));
        _admin = (await Do(client, new CreateApiKey("root"))).ApiKey!;
        await Do(client,
            new SetRole("shop", [new(KeyspaceName.Default, ["read", "write", "scan"], "user:"u8.ToArray())]));
        await Do(client, new CreateUser("shop", ["shop"]));
        _shop = (await Do(client, new CreateApiKey("shop"))).ApiKey!;
        await using var admin = Connect(_admin);
        await Do(admin, new EnforceRights(true));
        await admin.PutAsync("user:1"u8.ToArray(), "v"u8.ToArray(), cancellationToken: Cancelled);
        await admin.PutAsync("other"u8.ToArray(), "v"u8.ToArray(), cancellationToken: Cancelled);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact(Timeout = 120_000)]
    public async Task No_route_serves_a_stranger_but_those_for_probes()
    {
        using var document = JsonDocument.Parse(await Http.GetStringAsync(
            $"http://{_server.Self.HttpAddress}/openapi/v1.json", Cancelled));
        var paths = document.RootElement.GetProperty("paths").EnumerateObject().ToArray();
        Assert.True(paths.Length > 30, $"{paths.Length} paths");
        foreach (var (path, method) in paths.SelectMany(static path =>
            path.Value.EnumerateObject().Where(static one => one.Name != "parameters")
                .Select(one => (path.Name, one.Name))))
        {
            foreach (var token in (string?[])[null, "kvorum_0123456789abcdef_", _shop[..^2] + "00"])
            {
                using var request = new HttpRequestMessage(
                    new(method.ToUpperInvariant()), $"http://{_server.Self.HttpAddress}{Filled(path)}");
                if (token is not null)
                    request.Headers.Authorization = new("Bearer", token);
                if (path == "/kv/set")
                    request.Content = new StringContent("{\"key\":\"user:1\",\"value\":\"x\"}");
                using var response = await Http.SendAsync(request, Cancelled);
                var isPublic = PublicRoutes.Contains(path);
                Assert.True(
                    isPublic ? response.IsSuccessStatusCode
                        : response.StatusCode == HttpStatusCode.Unauthorized,
                    $"{method} {path} as {token}: {response.StatusCode} "
                        + await response.Content.ReadAsStringAsync(Cancelled));
                if (!isPublic)
                    Assert.Equal("Bearer", Assert.Single(response.Headers.WwwAuthenticate).Scheme);
            }
        }
    }

    [Fact(Timeout = 120_000)]
    public async Task No_method_serves_a_stranger_but_those_for_probes()
    {
        var served = 0;
        foreach (var service in (ServiceDescriptor[])
            [
                V1.KV.Descriptor, V1.Admin.Descriptor, Kvorum.Server.Grpc.Compatibility.KV.Descriptor,
                Kvorum.Server.Grpc.Ring.KVStore.Descriptor, Kvorum.Server.Grpc.Ring.NodeInternal.Descriptor,
            ])
        {
            Assert.DoesNotContain(service.FullName, PublicServices);
            foreach (var method in service.Methods)
            {
                var message = (IMessage)Activator.CreateInstance(method.InputType.ClrType)!;
                Fill(message);
                using var call = await GrpcStream.OpenAsync(
                    _server.Self.ClientAddress, $"/{service.FullName}/{method.Name}", message);
                Assert.Null(await call.NextAsync());
                Assert.Equal(
                    (method.FullName, "16", "unauthenticated"),
                    (method.FullName, call.Trailer("grpc-status"), call.Trailer("kvorum-status")));
                served++;
            }
        }

        Assert.True(served > 25, $"{served} methods");
    }

    /// <summary>
    /// What cannot be read, what is larger than all bounds, and what never comes: none of it is looked at.
    /// </summary>
    [Fact(Timeout = 60_000)]
    public async Task Nothing_of_a_stranger_s_message_is_read()
    {
        foreach (var path in (string[])
            ["/kvorum.v1.KV/Put", "/kvorum.v1.KV/Pipeline", "/kvorum.v1.Admin/EnforceRights", "/kv.KV/Put"])
        {
            foreach (var (token, status) in new[] { ("", "16"), ("Bearer none", "16"),
                ($"Bearer {_admin}", "") })
            {
                var metadata = token.Length == 0 ? [] : new[] { ("authorization", token) };
                using var malformed = await GrpcStream.OpenAsync(
                    _server.Self.ClientAddress, path, [0, 0, 0, 0, 3, 0xFF, 0xFF, 0xFF], metadata);
                await AdminServiceTests.DrainAsync(malformed);
                using var large = await GrpcStream.OpenAsync(
                    _server.Self.ClientAddress, path, [0, 0x7F, 0xFF, 0xFF, 0xFF, 1, 2, 3], metadata);
                await AdminServiceTests.DrainAsync(large);
                foreach (var call in (GrpcStream[])[malformed, large])
                {
                    Assert.True(
                        status.Length > 0 == (call.Trailer("grpc-status") == "16"),
                        $"{path} as {token}: {call.Trailer("grpc-status")} {call.Trailer("grpc-message")}");
                }
            }
        }

        Assert.Equal(0, _server.Traffic.Requests.Taken);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_method_for_probes_serves_a_stranger()
    {
        var told = await GrpcStream.AskAsync(
            _server.Self.ClientAddress, "/grpc.health.v1.Health/Check",
            new Kvorum.Server.Grpc.HealthV1.HealthCheckRequest(),
            Kvorum.Server.Grpc.HealthV1.HealthCheckResponse.Parser);
        Assert.Equal(
            Kvorum.Server.Grpc.HealthV1.HealthCheckResponse.Types.ServingStatus.Serving, told.Status);
        foreach (var name in (string[])["/GRPC.health.v1.Health/Check", "/grpc.health.v1.Health/x/Check",
            "/grpc.health.v1.Health", "/", "/x/y"])
        {
            using var call = await GrpcStream.OpenAsync(
                _server.Self.ClientAddress, name, new V1.HealthRequest());
            await AdminServiceTests.DrainAsync(call);
            Assert.Equal((name, "16"), (name, call.Trailer("grpc-status")));
        }
    }

    /// <summary>No frame that a client may send is answered with anything but a refusal.</summary>
    [Fact(Timeout = 60_000)]
    public void No_frame_serves_a_stranger()
    {
        using var client = RawClient.Greeted(IPEndPoint.Parse(_server.Self.ClientAddress));
        var asked = 0ul;
        foreach (var request in EveryRequest.About("user:1"))
        {
            client.Send(writer => NativeCodec.WriteRequest(writer, ++asked, 1000, request));
            Refused(client.Read());
        }

        foreach (var kind in (NativeFrameKind[])[NativeFrameKind.MapRequest, NativeFrameKind.StatusRequest])
        {
            client.Send(writer => NativeCodec.Write(writer, kind, ++asked));
            Refused(client.Read());
        }

        client.Send(writer => NativeCodec.WriteAdminRequest(
            writer, ++asked, 1000, AdminJson.Encode(new ShowCluster())));
        var frame = client.Read();
        Assert.Equal(NativeFrameKind.AdminReply, frame.Kind);
        Assert.Equal(ReplyStatus.Unauthenticated, AdminJson.DecodeReply(frame.Body.Span).Status);
        // Hello, Cancel and Credential are not answered; a kind that is new belongs here.
        Assert.Equal(
            14, Enum.GetValues<NativeFrameKind>().Length);

        static void Refused(NativeFrame frame)
        {
            Assert.Equal(NativeFrameKind.Reply, frame.Kind);
            Assert.Equal(
                ReplyStatus.Unauthenticated, RequestCodec.DecodeReply(frame.Body).Status);
        }
    }

    /// <summary>Requests in a pipeline count one by one, and none hides in another.</summary>
    [Fact(Timeout = 60_000)]
    public async Task Every_door_keeps_to_the_prefix()
    {
        await using var shop = Connect(_shop);
        Assert.True((await shop.GetAsync("user:1"u8.ToArray(), cancellationToken: Cancelled)).Found);
        Assert.Equal(ReplyStatus.PermissionDenied, await StatusOf(
            () => shop.GetAsync("other"u8.ToArray(), cancellationToken: Cancelled).AsTask()));
        Assert.Equal(ReplyStatus.PermissionDenied, await StatusOf(
            () => shop.DeleteAsync("user:1"u8.ToArray(), cancellationToken: Cancelled).AsTask()));
        foreach (var (key, status) in new[] { ("user:1", "0"), ("other", "7") })
        {
            using var call = await GrpcStream.OpenAsync(
                _server.Self.ClientAddress, "/kvorum.v1.KV/Get",
                new V1.GetRequest { Key = ByteString.CopyFromUtf8(key) }, ("authorization", "Bearer "
                    + $"{_shop}"));
            while (await call.NextAsync() is not null)
            {
            }

            Assert.Equal((key, status), (key, call.Trailer("grpc-status")));
            using var request = new HttpRequestMessage(
                HttpMethod.Get, $"http://{_server.Self.HttpAddress}/v1/kv/{Uri.EscapeDataString(key)}");
            request.Headers.Authorization = new("Bearer", _shop);
            using var response = await Http.SendAsync(request, Cancelled);
            Assert.Equal(status == "0" ? HttpStatusCode.OK : HttpStatusCode.Forbidden, response.StatusCode);
        }
    }

    /// <summary>A change holds on connections that are open, at once.</summary>
    [Fact(Timeout = 60_000)]
    public async Task A_revoked_key_ends_with_the_answer_to_the_revocation()
    {
        await using var shop = Connect(_shop);
        Assert.True((await shop.GetAsync("user:1"u8.ToArray(), cancellationToken: Cancelled)).Found);
        await using var admin = Connect(_admin);
        await Do(admin, new RevokeApiKey(_shop[7..23]));
        Assert.Equal(ReplyStatus.Unauthenticated, await StatusOf(
            () => shop.GetAsync("user:1"u8.ToArray(), cancellationToken: Cancelled).AsTask()));
    }

    /// <summary>A client with a provider goes on when its token is renewed.</summary>
    [Fact(Timeout = 60_000)]
    public async Task A_client_shows_a_new_token_where_the_old_one_is_not_accepted()
    {
        var token = _shop;
        await using var client = KvorumClient.Connect(new()
        {
            Addresses = [_server.Self.ClientAddress],
            Credential = KvorumCredential.FromProvider(_ => ValueTask.FromResult(token)),
        });
        Assert.True((await client.GetAsync("user:1"u8.ToArray(), cancellationToken: Cancelled)).Found);
        await using var admin = Connect(_admin);
        await Do(admin, new RevokeApiKey(_shop[7..23]));
        token = (await Do(admin, new CreateApiKey("shop"))).ApiKey!;
        var reads = Enumerable.Range(0, 20).Select(
            _ => client.GetAsync("user:1"u8.ToArray(), cancellationToken: Cancelled).AsTask());
        Assert.All(await Task.WhenAll(reads), static got => Assert.True(got.Found));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_signed_token_has_the_roles_that_it_lists_at_every_door()
    {
        var token = Signed("""["reader","no-such-role"]""", 600);
        await using var reader = Connect(token);
        Assert.True((await reader.GetAsync("other"u8.ToArray(), cancellationToken: Cancelled)).Found);
        Assert.Equal(ReplyStatus.PermissionDenied, await StatusOf(
            () => reader.PutAsync("other"u8.ToArray(), default, cancellationToken: Cancelled).AsTask()));
        foreach (var (shown, status) in new[]
        {
            (token, HttpStatusCode.OK), (Signed("[]", 600), HttpStatusCode.Forbidden),
            (Signed("""["reader"]""", -600), HttpStatusCode.Unauthorized),
            (token[..^3] + "AAA", HttpStatusCode.Unauthorized),
        })
        {
            using var request = new HttpRequestMessage(
                HttpMethod.Get, $"http://{_server.Self.HttpAddress}/v1/kv/other");
            request.Headers.Authorization = new("Bearer", shown);
            using var response = await Http.SendAsync(request, Cancelled);
            var answer = await response.Content.ReadAsStringAsync(Cancelled);
            Assert.Equal((status, answer), (response.StatusCode, answer));
            if (status == HttpStatusCode.Unauthorized)
                Assert.Contains("the token is not accepted", answer, StringComparison.Ordinal);
        }
    }

    /// <summary>Who has logged in by a token, who was refused and why, and who has changed what.</summary>
    [Fact(Timeout = 60_000)]
    public async Task Callers_are_in_the_audit_log()
    {
        await using (var admin = Connect(_admin))
            await Do(admin, new DropRole("shop") { Force = true });
        await using (var shop = Connect(_shop))
            await StatusOf(() => shop.GetAsync("other"u8.ToArray(), cancellationToken: Cancelled).AsTask());
        await using (var expired = Connect(Signed("[]", -600)))
        {
            await StatusOf(
                () => expired.GetAsync("other"u8.ToArray(), cancellationToken: Cancelled).AsTask());
        }

        await _server.StopAsync();
        var lines = await File.ReadAllLinesAsync(Audit, Cancelled);
        Assert.Contains(lines, static line => Has(line, "create_user", "\"by\":\"none\"", "user root"));
        Assert.Contains(lines, static line => Has(line, "enforce_rights", "user root", "api_key"));
        Assert.Contains(lines, static line => Has(
            line, "log_in", "\"ok\"", "user root", "api_key", "127.0.0.1"));
        Assert.Contains(lines, static line => Has(line, "drop_role", "user root", "role shop"));
        Assert.Contains(lines, static line => Has(line, "log_in", "\"ok\"", "user shop", "api_key"));
        Assert.Contains(lines, static line => Has(line, "log_in", "\"refused\"", "jwt", "expired"));
        // Of the keys themselves nothing is written.
        Assert.All(lines, line => Assert.DoesNotContain(_admin[24..], line, StringComparison.Ordinal));

        static bool Has(string line, params string[] parts) =>
            parts.All(part => line.Contains(part, StringComparison.Ordinal));
    }

    private static string Signed(string roles, int seconds)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        return TokenIssuer.Good(("roles", roles), ("iat", $"{now - 900}"), ("exp", $"{now + seconds}"));
    }

    /// <summary>Over HTTP and gRPC a user is made, is served, and is so no more.</summary>
    [Fact(Timeout = 60_000)]
    public async Task Users_are_made_and_ended_over_http_and_grpc()
    {
        Assert.Equal("root", (await AskHttpAsync("GET", "identity", _admin)).GetProperty("name").GetString());
        const string Grants =
            """{"grants":[{"keyspace":"*","actions":["read"],"prefix":"dXNlcjo="}]}""";
        await AskHttpAsync("PUT", "roles/guest", _admin, Grants);
        await AskHttpAsync("PUT", "users/ann?roles=guest", _admin);
        var made = await AskHttpAsync("POST", "users/ann/keys", _admin);
        var key = made.GetProperty("api_key").GetString()!;
        await using var ann = Connect(key);
        Assert.True((await ann.GetAsync("user:1"u8.ToArray(), cancellationToken: Cancelled)).Found);
        Assert.Equal(ReplyStatus.PermissionDenied, await StatusOf(
            () => ann.GetAsync("other"u8.ToArray(), cancellationToken: Cancelled).AsTask()));

        // What she may not do over one door she may not over another.
        Assert.Equal("7", await StatusOfGrpcAsync("GetAccess", new V1.GetAccessRequest(), key));
        Assert.Equal("0", await StatusOfGrpcAsync("GetIdentity", new V1.GetIdentityRequest(), key));
        Assert.Equal("7", await StatusOfGrpcAsync(
            "AlterUser", new V1.AlterUserRequest { User = "ann", Grant = { "admin" } }, key));
        Assert.Equal("7", await StatusOfGrpcAsync(
            "EnforceRights", new V1.EnforceRightsRequest { Enforced = false }, key));
        Assert.Equal("16", await StatusOfGrpcAsync("EnforceRights", new V1.EnforceRightsRequest(), "none"));

        var access = await AskHttpAsync("GET", "access", _admin);
        Assert.DoesNotContain(key[24..], access.GetRawText(), StringComparison.Ordinal);
        Assert.Equal("0", await StatusOfGrpcAsync(
            "RevokeApiKey", new V1.RevokeApiKeyRequest { Id = key[7..23] }, _admin));
        Assert.Equal(ReplyStatus.Unauthenticated, await StatusOf(
            () => ann.GetAsync("user:1"u8.ToArray(), cancellationToken: Cancelled).AsTask()));
    }

    /// <summary>What is made of a token where the CA is goes in by one door and is seen by another.</summary>
    [Fact(Timeout = 60_000)]
    public async Task Join_tokens_are_kept_listed_and_revoked_over_http_and_grpc()
    {
        var until = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeMilliseconds();
        var (hash, made) = (Convert.ToBase64String(new byte[32]), Convert.ToBase64String(new byte[3000]));
        var body =
            $$"""{"node":"node-4","proof_hash":"{{hash}}","sealed":"{{made}}","expires_ms":{{until}} }""";
        await AskHttpAsync("PUT", "join-tokens/00c0ffee00c0ffee", _admin, body);
        var listed = await GrpcStream.AskAsync(
            _server.Self.ClientAddress, "/kvorum.v1.Admin/ListJoinTokens", new V1.ListJoinTokensRequest(),
            V1.ListJoinTokensResponse.Parser, ("authorization", $"Bearer {_admin}"));
        var token = Assert.Single(listed.JoinTokens);
        Assert.Equal(
            ("00c0ffee00c0ffee", "node-4", (ulong)until, false),
            (token.Id, token.Node, token.ExpiresMs, token.Used));

        // It takes the right to change users.
        Assert.Equal("7", await StatusOfGrpcAsync("ListJoinTokens", new V1.ListJoinTokensRequest(), _shop));
        Assert.Equal("7", await StatusOfGrpcAsync(
            "RevokeJoinToken", new V1.RevokeJoinTokenRequest { Id = token.Id }, _shop));
        Assert.Equal("7", await StatusOfGrpcAsync(
            "CreateJoinToken", new V1.CreateJoinTokenRequest { Id = token.Id, Node = "node-5" }, _shop));
        // What is no token is refused by the cluster.
        Assert.Equal("3", await StatusOfGrpcAsync(
            "CreateJoinToken", new V1.CreateJoinTokenRequest { Id = token.Id, Node = "node-5" }, _admin));
        Assert.Equal("0", await StatusOfGrpcAsync(
            "RevokeJoinToken", new V1.RevokeJoinTokenRequest { Id = token.Id }, _admin));
        var left = await AskHttpAsync("GET", "join-tokens", _admin);
        Assert.Equal(0, left.GetProperty("join_tokens").GetArrayLength());
    }

    private async Task<JsonElement> AskHttpAsync(
        string method, string what, string token, string? body = null)
    {
        using var request = new HttpRequestMessage(
            new(method), $"http://{_server.Self.HttpAddress}/v1/admin/{what}");
        request.Headers.Authorization = new("Bearer", token);
        request.Content = body is null ? null : new StringContent(body);
        using var response = await Http.SendAsync(request, Cancelled);
        var text = await response.Content.ReadAsStringAsync(Cancelled);
        Assert.True(response.IsSuccessStatusCode, $"{method} {what}: {response.StatusCode} {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    private async Task<string?> StatusOfGrpcAsync(string method, IMessage message, string token)
    {
        using var call = await GrpcStream.OpenAsync(
            _server.Self.ClientAddress, $"/kvorum.v1.Admin/{method}", message,
            ("authorization", $"Bearer {token}"));
        await AdminServiceTests.DrainAsync(call);
        return call.Trailer("grpc-status");
    }

    private static string Filled(string path) => path
        .Replace("{key}", "user:1", StringComparison.Ordinal)
        .Replace("{name}", KeyspaceName.Default, StringComparison.Ordinal)
        .Replace("{keyspace}", KeyspaceName.Default, StringComparison.Ordinal)
        .Replace("{id}", "0123456789abcdef", StringComparison.Ordinal)
        .Replace("{partition}", "0", StringComparison.Ordinal);

    private static void Fill(IMessage message)
    {
        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder().Where(
            static one => !one.IsRepeated))
        {
            if (field.FieldType == FieldType.Bytes)
                field.Accessor.SetValue(message, ByteString.CopyFromUtf8("user:1"));
            else if (field is { FieldType: FieldType.String, Name: "key" or "keyspace" or "member" })
                field.Accessor.SetValue(message, KeyspaceName.Default);
        }

        if (message is V1.KeyRequest pipelined)
            pipelined.Get = new() { Key = ByteString.CopyFromUtf8("user:1") };
    }

    private static async Task<ReplyStatus> StatusOf(Func<Task> act) =>
        (await Assert.ThrowsAsync<KvorumException>(act)).Status;

    private static async Task<AdminReply> Do(KvorumClient client, AdminChange change)
    {
        var bytes = await client.AdministerAsync(AdminJson.Encode(change), false, null, Cancelled);
        var reply = AdminJson.DecodeReply(bytes.Span);
        Assert.True(reply.Status == ReplyStatus.Ok, $"{change}: {reply.Status} {reply.Message}");
        return reply;
    }

    private KvorumClient Connect(string token) => KvorumClient.Connect(new()
    {
        Addresses = [_server.Self.ClientAddress],
        Timeout = TimeSpan.FromSeconds(10),
        Credential = token.Length == 0 ? null : KvorumCredential.FromToken(token),
    });
}
