using System.CommandLine;
using Kvorum.Cli;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Kvorum.Server.Hosting;

namespace Kvorum.Tests.Cli.Commands;

public class StartVariablesTests
{
    private static readonly ServerOptions Plain = new();

    public static TheoryData<string, string, ServerOptions> Meanings => new()
    {
        { "NODE_ID", "n1", Plain with { Id = "n1" } },
        { "DATA_DIR", "/data", Plain with { DataFolder = "/data" } },
        { "HTTP_PORT", "8081", Plain with { HttpAddress = "127.0.0.1:8081" } },
        {
            "KV_PORT", "9080",
            Plain with { ClientAddress = "127.0.0.1:9080", PeerAddress = "127.0.0.1:19080" }
        },
        { "PEER_PORT", "7000", Plain with { PeerAddress = "127.0.0.1:7000" } },
        { "BOOTSTRAP", "true", Plain with { Bootstrap = true } },
        { "BOOTSTRAP", "1", Plain with { Bootstrap = true } },
        { "BOOTSTRAP", "False", Plain },
        { "BOOTSTRAP", "0", Plain },
        { "JOIN_ADDR", "h:1,h:2", Plain with { Join = "h:1,h:2" } },
        { "PEERS", "a@h:1", Plain with { Peers = "a@h:1" } },
        { "PARTITION_COUNT", "16", Plain with { Partitions = 16 } },
        { "REPLICATION_FACTOR", "5", Plain with { ReplicationFactor = 5 } },
        { "HOST", "h", Plain },
        { "TLS_CERT", "n.crt", Plain with { TlsCertificate = "n.crt" } },
        { "TLS_KEY", "n.key", Plain with { TlsKey = "n.key" } },
        { "TLS_CA", "ca.crt", Plain with { TlsAuthorities = "ca.crt" } },
        { "TLS_CRL", "ca.crl", Plain with { TlsRevoked = "ca.crl" } },
        { "MASTER_KEY_FILE", "a.key,b.key", Plain with { MasterKeyFile = "a.key,b.key" } },
        { "MASTER_KEY_COMMAND", "give key", Plain with { MasterKeyCommand = "give key" } },
        { "NODE_ID", "", Plain },
        { "HTTP_PORT", "", Plain },
    };

    public static TheoryData<string, string, string> Mistakes => new()
    {
        { "HTTP_PORT", "web", "HTTP_PORT 'web': give a whole number" },
        { "HTTP_PORT", "0", "HTTP_PORT '0': give a port, 1 to 65535" },
        { "PEER_PORT", "65536", "PEER_PORT '65536': give a port" },
        { "KV_PORT", "-1", "KV_PORT '-1': give a whole number" },
        { "KV_PORT", "60000", "KV_PORT '60000': other nodes are served 10000 above it: give 1 to 55535, or" },
        { "BOOTSTRAP", "yes", "BOOTSTRAP 'yes': give true, false, 1 or 0" },
        { "PARTITION_COUNT", "many", "PARTITION_COUNT 'many': give a whole number" },
        { "REPLICATION_FACTOR", "99999999999", "REPLICATION_FACTOR '99999999999': give a whole number" },
        { "HOST", "h:1", "HOST 'h:1': give a host name or an IP address, without a port" },
        { "HOST", "a b", "HOST 'a b': give a host name" },
        { "NODE_ID", "a\ufffd", "NODE_ID 'a\ufffd': it holds bytes that are not UTF-8 text" },
    };

    [Theory]
    [MemberData(nameof(Meanings))]
    public void A_variable_stands_for_its_flag(string variable, string value, ServerOptions expected)
    {
        var read = Read("start", (variable, value));
        Assert.Empty(read.Broken);
        Assert.Equal(expected, read.Options);
    }

    [Fact]
    public void Every_variable_has_a_meaning_here_and_a_row_in_the_page()
    {
        Assert.Equal(
            StartVariables.Names.Order(), Meanings.Select(row => row.Data.Item1).Distinct().Order());
        var page = House.House.Read("docs/operating.md");
        Assert.All(StartVariables.Names, name =>
            Assert.Contains($"\n| `{name}` | ", page, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_bad_value_is_refused_with_the_variables_name(
        string variable, string value, string expected) =>
        Assert.StartsWith(
            $"environment variable {expected}", Assert.Single(Read("start", (variable, value)).Broken),
            StringComparison.Ordinal);

    [Theory]
    [InlineData("PARTITION_COUNT", "0", "--partitions 0: give 1 to 4096 (--partitions comes from the "
        + "environment variable PARTITION_COUNT)")]
    [InlineData("NODE_ID", "a b", "or give a UUID (--id comes from the environment variable NODE_ID)")]
    [InlineData("JOIN_ADDR", "h", "(--join comes from the environment variable JOIN_ADDR)")]
    [InlineData("KV_PORT", "8080", "(--addr comes from the environment variable KV_PORT)")]
    public void What_the_rules_refuse_is_told_with_the_variables_name(
        string variable, string value, string expected)
    {
        var read = Read("start", (variable, value));
        Assert.Contains(
            read.Options.Validate().Select(read.Explain),
            sentence => sentence.EndsWith(expected, StringComparison.Ordinal));
        Assert.Equal("--loops 0: give 1 to 256", read.Explain("--loops 0: give 1 to 256"));
    }

    [Theory]
    [InlineData("start --id b --data d --http-addr :1 --addr :2 --peer-addr :3 --partitions 4")]
    [InlineData("start -node b -wal d/wal.log --http_addr :1 -addr :2 -raft_addr :3 --partitions=4")]
    public void A_flag_wins(string line)
    {
        var read = Read(
            line, ("NODE_ID", "a b"), ("DATA_DIR", "e"), ("HTTP_PORT", "no"), ("KV_PORT", "no"),
            ("PEER_PORT", "no"), ("PARTITION_COUNT", "no"));
        Assert.Empty(read.Broken);
        Assert.Equal(Read(line).Options, read.Options);
        Assert.Equal(
            ("b", "d", ":1", ":2", ":3", 4),
            (read.Options.Id, read.Options.DataFolder, read.Options.HttpAddress, read.Options.ClientAddress,
                read.Options.PeerAddress, read.Options.Partitions));
    }

    [Theory]
    [InlineData("start -sync-interval 90s", 90)]
    [InlineData("start", 300)]
    public void Replicas_are_compared_as_often_as_the_flag_says(string line, int seconds) =>
        Assert.Equal(seconds, Read(line).Options.SyncInterval.TotalSeconds);

    [Fact]
    public void Tokens_are_as_the_flags_say()
    {
        Assert.Equal(
            Plain with
            {
                JwtIssuer = "i",
                JwtAudience = "a",
                JwtKeys = "k",
                JwtAlgorithms = "ES256",
                JwtClockSkew = TimeSpan.FromSeconds(5),
                JwtNameClaim = "n",
                JwtRolesClaim = "r",
            },
            Read("start --jwt-issuer i --jwt-audience a -jwt-keys k --jwt-algorithms ES256 "
                + "--jwt-clock-skew 5s --jwt-name-claim n --jwt-roles-claim r").Options);
        Assert.Equal(Plain, Read("start").Options);
    }

    [Fact]
    public void A_flag_that_has_no_meaning_here_is_refused_with_those_that_have()
    {
        var commands = KvorumProgram.Commands();
        var line = Spelling.Normalise(commands, ["start", "-heartbeat-interval", "1s"]);
        var problem = Assert.Single(Kvorum.Cli.CommandLine.Mistakes.Of(commands.Parse(line)));
        Assert.StartsWith("--heartbeat-interval has no meaning here: ", problem, StringComparison.Ordinal);
        Assert.Contains("--peer-silence", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--join h:1")]
    [InlineData("--peers a@h:1")]
    [InlineData("--bootstrap")]
    public void A_flag_that_says_where_the_cluster_comes_from_wins_over_all_variables_that_do(string flag)
    {
        var read = Read($"start {flag}", ("JOIN_ADDR", "h:2"), ("PEERS", "b@h:2"), ("BOOTSTRAP", "1"));
        Assert.Equal(Read($"start {flag}").Options, read.Options);
        Assert.Empty(read.Options.ValidateNew());
    }

    [Theory]
    [InlineData("start", "0.0.0.0", "0.0.0.0:8081 0.0.0.0:9080 0.0.0.0:19080")]
    [InlineData("start", "::1", "[::1]:8081 [::1]:9080 [::1]:19080")]
    [InlineData("start --addr h:2", "10.0.0.1", "10.0.0.1:8081 h:2 127.0.0.1:60051")]
    [InlineData("start --http-addr :1 --peer-addr :3", "10.0.0.1", ":1 10.0.0.1:9080 :3")]
    public void The_host_is_that_of_the_ports_that_variables_give(string line, string host, string expected)
    {
        var read = Read(line, ("HOST", host), ("HTTP_PORT", "8081"), ("KV_PORT", "9080"));
        Assert.Empty(read.Broken);
        Assert.Equal(
            expected,
            $"{read.Options.HttpAddress} {read.Options.ClientAddress} {read.Options.PeerAddress}");
    }

    [Fact]
    public void A_host_that_others_cannot_dial_is_refused_with_its_variable()
    {
        var read = Read(
            "start --insecure", ("HOST", "0.0.0.0"), ("KV_PORT", "9080"), ("JOIN_ADDR", "h:1"));
        Assert.Contains(
            "--peer-addr comes from the environment variable HOST",
            read.Explain(Assert.Single(read.Options.Validate())), StringComparison.Ordinal);
    }

    [Fact]
    public void Peers_are_served_where_they_are_said_to_be()
    {
        Assert.Equal(
            ("127.0.0.1:9080", "127.0.0.1:7000"), Addresses(Read(
                "start", ("KV_PORT", "9080"), ("PEER_PORT", "7000"))));
        Assert.Equal(
            ("127.0.0.1:60000", "127.0.0.1:7000"), Addresses(Read(
                "start", ("KV_PORT", "60000"), ("PEER_PORT", "7000"))));
        Assert.Equal(
            ("127.0.0.1:9080", "h:3"), Addresses(Read("start --peer-addr h:3", ("KV_PORT", "9080"))));
        Assert.Equal(
            (":2", "127.0.0.1:60051"), Addresses(Read("start --addr :2", ("KV_PORT", "9080"))));

        static (string, string) Addresses(StartVariables read) =>
            (read.Options.ClientAddress, read.Options.PeerAddress);
    }

    [Fact]
    public async Task The_help_names_every_variable_at_its_flag()
    {
        var (_, output, _) = await InProcess.Run("start", "--help");
        Assert.All(StartVariables.Names, name => Assert.Contains(name, output, StringComparison.Ordinal));
        Assert.Contains("[env: PEER_PORT, HOST]", output, StringComparison.Ordinal);
    }

    private static StartVariables Read(string line, params (string Name, string Value)[] environment)
    {
        var flags = new StartFlags();
        var start = new Command("start");
        flags.AddTo(start);
        var root = new RootCommand { start };
        var parsed = root.Parse(Spelling.Normalise(root, line.Split(' ')));
        Assert.Empty(parsed.Errors);
        return StartVariables.Read(
            flags.Read(parsed), flag => StartFlags.IsGiven(parsed, flag),
            name => environment.FirstOrDefault(variable => variable.Name == name).Value);
    }
}
