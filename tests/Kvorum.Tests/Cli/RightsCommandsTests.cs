using System.Text.Json;

namespace Kvorum.Tests.Cli;

/// <summary>Users, roles and API keys by the commands, with real nodes.</summary>
public sealed class RightsCommandsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Rights_are_made_enforced_changed_and_survive_a_restart()
    {
        using var place = ServerPlace.Free(1)[0];
        await using (var server = KvorumProcess.Start(["start", "--id", "node-1", .. place.Flags]))
        {
            await server.Says("is ready");
            await Ok(place, "", "put", "user:1", "v");
            await Fails(place, "", 1, "you would be locked out", "rights", "on");
            await Ok(place, "", "user", "create", "ops", "--role", "admin");
            var ops = await KeyOf(place, "", "ops");
            Assert.Equal("rights are enforced\n", await Ok(place, ops, "rights", "on"));
            await Fails(
                place, "", 1, "show an API key or another token, or a client certificate. See --token-file",
                "get", "user:1");
            Assert.Equal(
                "role 'shop' has 2 grants\n",
                await Ok(
                    place, ops, "role", "set", "shop", "--grant", "default/user:=read,write,scan", "--grant",
                    "cache=read"));
            await Ok(place, ops, "user", "create", "shop", "--role", "shop");
            var shop = await KeyOf(place, ops, "shop", "--expires", "1h");
            Assert.Equal("value=\"v\"\n", await Ok(place, shop, "get", "user:1"));
            Assert.Equal("key=\"user:1\" value=\"v\"\n", await Ok(place, shop, "scan", "--prefix", "user:"));
            await Fails(
                place, shop, 1, "user 'shop' has no right to scan all keys of this range in keyspace "
                    + "'default'",
                "scan");
            await Fails(place, shop, 1, "user 'shop' has no right to read this key", "get", "other");
            await Fails(place, shop, 1, "user 'shop' has no right to status in the cluster", "status");
            await Fails(place, shop, 1, "no right to security in the cluster", "user", "list");
            Assert.Equal(
                "user=shop known_by=api_key enforced=true\ndefault/user:=read,write,scan\ncache=read\n",
                await Ok(place, shop, "user", "whoami"));
            using (var list = JsonDocument.Parse(await Ok(place, ops, "user", "list", "--json")))
                Assert.True(list.RootElement.GetProperty("access").GetProperty("enforced").GetBoolean());
            Assert.Matches("shop +│ shop +│ [0-9a-f]{16} until 20", await Ok(place, ops, "user", "list"));
            await Fails(place, ops, 1, "nobody could change users and roles", "user", "drop", "ops");
        }

        await using var again = KvorumProcess.Start(["start", "--id", "node-1", .. place.Flags]);
        await again.Says("is ready");
        var kept = Path.Combine(_folder, "ops");
        await Fails(place, "", 1, "rights are enforced", "get", "user:1");
        await Ok(place, kept, "user", "alter", "shop", "--disabled");
        await Fails(place, Path.Combine(_folder, "shop"), 1, "the API key is not accepted", "get", "user:1");
        await Ok(place, kept, "rights", "off");
        Assert.Equal("value=\"v\"\n", await Ok(place, "", "get", "user:1"));
    }

    [Fact]
    public async Task A_profile_has_what_nobody_wants_to_type()
    {
        using var place = ServerPlace.Free(1)[0];
        await using var server = KvorumProcess.Start(["start", "--id", "node-1", .. place.Flags]);
        await server.Says("is ready");
        var profile = Path.Combine(_folder, "profile");
        Assert.Equal((0, ""), await Get($"# mine\nKVORUM_ADDR={place.Addr}"));
        Assert.Equal((0, ""), await Get($"KVORUM_ADDR={place.Addr}\nKVORUM_TOKEN=x"));
        var (code, errors) = await Get($"KVORUM_ADDR={place.Addr}\nKVORUM_TOKEN=x", mode: "644");
        Assert.Equal(2, code);
        Assert.Contains("has a token, and others may read it: chmod 600", errors, StringComparison.Ordinal);
        (code, errors) = await Get("KVORUM_ADDR");
        Assert.Equal(2, code);
        Assert.Contains("profile, line 1: write NAME=value", errors, StringComparison.Ordinal);

        async Task<(int, string)> Get(string content, string mode = "600")
        {
            var ran = await Shell.Run(
                $"printf '{content}' > {profile}; chmod {mode} {profile}; export KVORUM_PROFILE={profile}\n"
                + "\"$K\" put k v && \"$K\" get k");
            return (ran.Code, ran.Errors);
        }
    }

    private async Task<string> KeyOf(ServerPlace place, string token, string user, params string[] more)
    {
        var path = Path.Combine(_folder, user);
        await File.WriteAllTextAsync(
            path, await Ok(place, token, ["user", "key", user, .. more]),
                TestContext.Current.CancellationToken);
        return path;
    }

    private static async Task<string> Ok(ServerPlace place, string token, params string[] args)
    {
        var ran = await KvorumProcess.Run(Words(place, token, args));
        Assert.True(ran.Code == 0, $"{string.Join(' ', args)}: {ran.Code} {ran.Output}{ran.Errors}");
        return ran.Output;
    }

    private static async Task Fails(
        ServerPlace place, string token, int code, string why, params string[] args)
    {
        var ran = await KvorumProcess.Run(Words(place, token, args));
        Assert.Contains(why, ran.Errors, StringComparison.Ordinal);
        Assert.Equal(code, ran.Code);
    }

    private static string[] Words(ServerPlace place, string token, string[] args) =>
        [.. args, "--addr", place.Addr, .. token.Length == 0 ? (string[])[] : ["--token-file", token]];
}
