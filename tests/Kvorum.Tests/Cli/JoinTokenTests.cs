using System.Text;
using System.Text.RegularExpressions;

namespace Kvorum.Tests.Cli;

/// <summary>
/// Three nodes with TLS as the README makes them: the first with <c>--secure</c>, the others by join tokens,
/// each in a folder that has nothing but its token.
/// </summary>
public sealed partial class JoinTokenTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-join-").FullName;
    private readonly ServerPlace[] _places = ServerPlace.Free(3);

    private static CancellationToken Deadline => TestContext.Current.CancellationToken;

    private string[] Client =>
    [
        "--addr", _places[0].Addr, "--tls-ca", At("certs/ca.crt"), "--tls-cert", At("certs/client.crt"),
        "--tls-key", At("certs/client.key"),
    ];

    public void Dispose()
    {
        foreach (var place in _places)
            place.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact(Timeout = 180_000)]
    public async Task Nodes_join_with_a_token_and_the_cluster_survives_the_kill_of_the_CAs_node()
    {
        await using var first = KvorumProcess.StartIn(
            _folder, ["start", "--secure", "--bootstrap", .. _places[0].Flags[..^2], "--data", "data",
                "--partitions", "4", "--audit-log", "audit.log", "--log-level", "debug"]);
        await first.Says("is ready", seconds: 60);
        var second = await Token("node-2");
        var third = await Token("node-3", "--out", At("third.token"));
        Assert.Equal("", third);
        third = (await File.ReadAllTextAsync(At("third.token"), Deadline)).Trim();
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(At("third.token")));
        }

        await Fails(1, "is not overwritten", "create", "node-3", "--out", At("third.token"));
        var listed = await Ok("list");
        Assert.Contains("│ node-2 ", listed, StringComparison.Ordinal);
        Assert.Contains("│ node-3 ", listed, StringComparison.Ordinal);
        await File.WriteAllTextAsync(At("second.token"), second + "\n", Deadline);
        await using var joined = Start(1, At("second.token"));
        await using var last = Start(2, At("third.token"));
        await joined.Says("has brought this node's certificate", seconds: 60);
        foreach (var node in new[] { joined, last })
            await node.Says("is ready", seconds: 60);
        Assert.DoesNotContain("node-", await Ok("list"), StringComparison.Ordinal);
        await SingleNodeTests.Prints(
            0, "ok=true leader=\"\"", ["put", "k", "v", "--timeout", "20s", .. Client]);
        string[] elsewhere = ["--addr", _places[2].Addr, "--timeout", "20s", .. Client[2..]];
        await SingleNodeTests.Prints(0, "value=\"v\"", ["get", "k", .. elsewhere]);

        // Used: whoever has found it gets nothing.
        await using (var thief = KvorumProcess.StartIn(
            Directory.CreateDirectory(At("thief")).FullName, "start", "--join", _places[0].PeerAddr,
            "--addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--peer-addr", "127.0.0.1:0",
            "--join-token-file", At("second.token")))
        {
            Assert.Equal(1, await thief.Exit());
            Assert.Contains("the join token is not accepted", thief.Errors, StringComparison.Ordinal);
        }

        // A later start has no token, no certificate and no member on its command line.
        joined.Terminate();
        Assert.Equal(0, await joined.Exit());
        await using var again = Start(1, token: null);
        await again.Says("is ready", seconds: 60);
        await Shown("node-1 .*node-2 .*node-3 ");
        var commandLine = OperatingSystem.IsLinux()
            ? await File.ReadAllBytesAsync($"/proc/{last.Id}/cmdline", Deadline) : [];

        // No node needs the one that the CA was made on.
        first.Kill();
        await SingleNodeTests.Prints(
            0, "ok=true leader=\"\"", ["put", "k", "w", .. elsewhere[..3], "30s", .. Client[2..]]);
        foreach (var node in new[] { again, last })
        {
            node.Terminate();
            Assert.Equal(0, await node.Exit());
        }

        foreach (var secret in new[] { second, third })
        {
            var part = Encoding.ASCII.GetBytes(secret[29..61]);
            foreach (var (name, text) in new[]
            {
                ("first", first.Output + first.Errors), ("second", joined.Output + joined.Errors),
                ("third", last.Output + last.Errors),
            })
                Assert.False(text.Contains(secret[29..61], StringComparison.Ordinal), $"the log of {name}");
            // The runtime of a killed process leaves sockets, and pipes that nobody writes to.
            foreach (var file in Directory.GetFiles(_folder, "*", SearchOption.AllDirectories)
                .Where(static file => !file.EndsWith(".token", StringComparison.Ordinal)
                    && !file.EndsWith("-socket", StringComparison.Ordinal)
                    && !file.Contains("clr-debug-pipe", StringComparison.Ordinal)))
                Assert.True(File.ReadAllBytes(file).AsSpan().IndexOf(part) < 0, file);
            Assert.True(commandLine.AsSpan().IndexOf(part) < 0);
        }
    }

    [Fact(Timeout = 120_000)]
    public async Task Tokens_are_listed_and_revoked_and_mistakes_are_told()
    {
        await using var first = KvorumProcess.StartIn(
            _folder, ["start", "--secure", .. _places[0].Flags[..^2], "--data", "data", "--partitions", "4"]);
        await first.Says("is ready", seconds: 60);
        var token = await Token("node-2", "--expires", "5m");
        Assert.Matches($"{token[12..28]} +│ node-2", await Ok("list"));
        Assert.Contains("is revoked", await Ok("revoke", token[12..28]), StringComparison.Ordinal);
        await Fails(2, "no join token", "revoke", token[12..28]);
        await Fails(2, "give 1m to 7d", "create", "node-2", "--expires", "8d");
        await Fails(1, "kvorum cert ca makes one", "create", "node-2", "--dir", At("nowhere"));
        await Fails(2, "without a port", "create", "node-2", "--host", "a:1");
        Assert.Contains(
            "would be done", await Ok("create", "node-2", "--dry-run", "--dir", At("certs")),
            StringComparison.Ordinal);
        foreach (var (script, words) in new[]
        {
            ($"KVORUM_JOIN_TOKEN={token} \"$K\" start --join {_places[0].PeerAddr}", "is not accepted"),
            ($"KVORUM_JOIN_TOKEN={token} \"$K\" start", "a join token needs --join"),
            ("KVORUM_JOIN_TOKEN=secret \"$K\" start", "variable KVORUM_JOIN_TOKEN: it is no join token"),
            ("KVORUM_JOIN_TOKEN_FILE=none \"$K\" start", "KVORUM_JOIN_TOKEN_FILE none cannot be read"),
        })
        {
            var ports = "--addr 127.0.0.1:0 --http-addr 127.0.0.1:0 --peer-addr 127.0.0.1:0";
            var ran = await Shell.Run($"cd {_folder} && {script} --data other {ports}");
            Assert.Contains(words, ran.Errors, StringComparison.Ordinal);
            Assert.DoesNotContain(token[29..], ran.Errors + ran.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("secret", ran.Errors, StringComparison.Ordinal);
        }

        await first.Says("there is no join token");
    }

    private string At(string name) => Path.Combine(_folder, name);

    private KvorumProcess Start(int n, string? token) => KvorumProcess.StartIn(
        Directory.CreateDirectory(At($"machine-{n}")).FullName,
        token is null ? ["start", .. _places[n].Flags[..^2]]
            : ["start", .. _places[n].Flags[..^2], "--join", _places[0].PeerAddr, "--join-token-file", token,
                "--log-level", "debug"]);

    private async Task<string> Token(string node, params string[] more)
    {
        var text = (await Ok(["create", node, "--dir", At("certs"), .. more])).Trim();
        Assert.True(more.Contains("--out") || TokenForm().IsMatch(text), text);
        return text;
    }

    private async Task Shown(string members)
    {
        var (code, output, errors) = await KvorumProcess.Run(["cluster", "show", .. Client]);
        Assert.True(code == 0, errors);
        Assert.Matches(members, output.ReplaceLineEndings(" "));
    }

    private async Task<string> Ok(params string[] args)
    {
        var (code, output, errors) = await KvorumProcess.Run(["join-token", .. args, .. Client]);
        Assert.True(code == 0, $"{string.Join(' ', args)}: {code} {output}{errors}");
        return output;
    }

    private async Task Fails(int code, string words, params string[] args)
    {
        var ran = await KvorumProcess.Run(["join-token", .. args, .. Client]);
        Assert.Contains(words, ran.Errors, StringComparison.Ordinal);
        Assert.Equal(code, ran.Code);
    }

    [GeneratedRegex("^kvorum-join_[0-9a-f]{16}_[A-Za-z0-9_-]{86}$")]
    private static partial Regex TokenForm();
}
