using Kvorum.Node;
using Kvorum.Server.Hosting;

namespace Kvorum.Tests.Server.Hosting;

public class ServerOptionsTests
{
    private static readonly ServerOptions Good = new();

    public static TheoryData<ServerOptions, string> Mistakes => new()
    {
        { Good with { DataFolder = "" }, "--data is empty" },
        { Good with { Id = "a b" }, "--id 'a b'" },
        { Good with { Id = "a@b" }, "--id 'a@b'" },
        { Good with { Id = new string('x', 65) }, "--id 'xxx" },
        { Good with { ClientAddress = "50051" }, "--addr '50051': give host:port" },
        { Good with { ClientAddress = "h:70000" }, "--addr 'h:70000'" },
        { Good with { HttpAddress = "" }, "--http-addr ''" },
        { Good with { PeerAddress = "::1:5" }, "--peer-addr '::1:5'" },
        { Good with { HttpAddress = Good.ClientAddress },
        "--addr and --http-addr are both '127.0.0.1:50051'" },
        { Good with { AdvertiseClientAddress = ":50051" }, "--advertise-addr ':50051'" },
        { Good with { AdvertiseHttpAddress = "0.0.0.0:1" }, "--advertise-http-addr '0.0.0.0:1'" },
        { Good with { HttpHosts = "kv.example:8080" }, "--http-host 'kv.example:8080': give names without" },
        { Good with { HttpHosts = "ok.example,http://x" }, "--http-host 'http://x'" },
        { Good with { HttpHosts = string.Join(',', Enumerable.Repeat("a.example", 65)) },
            "--http-host has 65 names" },
        { Good with { AdvertisePeerAddress = "x" }, "--advertise-peer-addr 'x'" },
        { Good with { Join = "h:1,h:2,h:1" }, "--join names the address h:1 2 times: name each member once" },
        { Good with { Partitions = 0 }, "--partitions 0: give 1 to 4096" },
        { Good with { ReplicationFactor = 16 }, "--replication-factor 16: give 1 to 15" },
        { Good with { VirtualNodes = 0 }, "--virtual-nodes 0" },
        { Good with { Loops = 0 }, "--loops 0" },
        { Good with { KeyBytesMax = (4 << 10) + 1 }, "--key-bytes-max 4097: give 1 to 4096" },
        { Good with { ValueBytesMax = (8 << 20) + 1 }, "--value-bytes-max 8388609: give 1 to 8388608" },
        { Good with { KeyPolicy = "loose" }, "--key-policy 'loose'" },
        { Good with { SessionRecords = -1 }, "--session-records -1" },
        { Good with { SessionRecords = 4_000_001 }, "--session-records 4000001" },
        { Good with { SessionWindow = TimeSpan.Zero }, "--session-window 0ms: give 1s" },
        { Good with { SegmentBytes = 1 }, "--segment-bytes 1" },
        { Good with { CheckpointBytes = 1 }, "--checkpoint-bytes 1" },
        { Good with { MemTableBytes = 1 }, "--memtable-bytes 1" },
        { Good with { TrafficBytes = 1 }, "--traffic-bytes 1" },
        { Good with { ConnectionsPerUserMax = -1 }, "--connections-per-user-max -1: give 1 to 1000000" },
        { Good with { RequestsPerUserMax = 0 }, "--requests-per-user-max 0: give 1 to 10000000" },
        { Good with { TrafficBytesPerUserMax = 1 }, "--traffic-bytes-per-user-max 1: give 1048576 to" },
        { Good with { SnapshotRate = 1_048_575 }, "--snapshot-rate 1048575: give 1048576 to" },
        { Good with { SnapshotRate = -1 }, "--snapshot-rate -1" },
        { Good with { Compression = "zip" }, "--compression 'zip'" },
        { Good with { ScrubRate = 1 }, "--scrub-rate 1: give 65536 to" },
        { Good with { RewriteRate = 1 }, "--rewrite-rate 1: give 65536 to" },
        { Good with { ShutdownTimeout = TimeSpan.FromHours(1) }, "--shutdown-timeout 3600s" },
        { Good with { PortWait = TimeSpan.FromMinutes(11) }, "--port-wait 660s: give 0ms to 600s" },
        { Good with { KvStoreKeyspace = new string('x', 1 << 16) }, "--kvstore-keyspace 'xxx" },
        { Good with { PeerSilence = TimeSpan.FromMilliseconds(10) }, "--peer-silence 10ms" },
        { Good with { ClockOffsetMax = TimeSpan.FromMilliseconds(49) },
        "--clock-offset-max 49ms: give 50ms to" },
        { Good with { SyncInterval = TimeSpan.Zero }, "--sync-interval 0ms: give 1s to 86400s" },
        { Good with { TombstoneMin = TimeSpan.FromDays(31) }, "--tombstone-min 2678400s: give 1s to" },
        { Good with { QuorumClockOffsetMax = TimeSpan.FromMilliseconds(999) },
        "--quorum-clock-offset-max 999ms: give 1s to 86400s" },
        { Good with { HintBytesMax = -1, HintBytesPerNodeMax = -1 }, "--hint-bytes-max -1: give 0 to" },
        { Good with { HintBytesPerNodeMax = -1 }, "--hint-bytes-per-node-max -1: give 0 to" },
        { Good with { HintBytesMax = 1 << 20 },
        "--hint-bytes-per-node-max 268435456 is more than --hint-bytes-max 1048576: give at least" },
        { Good with { Tick = TimeSpan.Zero }, "--tick 0ms" },
        { Good with { Tick = TimeSpan.FromMilliseconds(200) },
        "--heartbeat 100ms is shorter than --tick 200ms" },
        { Good with { Heartbeat = TimeSpan.FromMilliseconds(500) },
        "--heartbeat 500ms is not under half of --election-timeout-min 1s" },
        { Good with { ElectionTimeoutMin = TimeSpan.FromSeconds(2) },
        "--election-timeout-min 2s is not below --election-timeout-max 2s" },
        { Good with { Peers = "a@127.0.0.1:1,127.0.0.1:2" }, "--peers mixes entries with and without an id" },
        { Good with { Peers = "a@nowhere" }, "--peers entry 'a@nowhere'" },
        { Good with { Peers = "@127.0.0.1:1" }, "has an empty id" },
        { Good with { Peers = "a=127.0.0.1:1,b@127.0.0.1:2" },
        "--peers entry 'a=127.0.0.1:1': between id and address goes an '@': write a@127.0.0.1:1" },
        { Good with { Peers = "a=h" }, "--peers entry 'a=h': between id and address goes an '@': write "
            + "a@host:port" },
        { Good with { Peers = "a=b@h" }, "--peers entry 'a=b@h': 'h' is no host:port" },
        { Good with { Peers = "a@127.0.0.1:1,b@127.0.0.1:1" },
        "--peers names the address 127.0.0.1:1 2 times" },
        { Good with { Peers = "a@127.0.0.1:1,a@127.0.0.1:2" },
        "--peers gives the id a to 127.0.0.1:1 and 127.0.0.1:2" },
        { Good with { Peers = "127.0.0.1:1", Id = "9e2d1f34-0000-4000-8000-000000000001" },
        "is a UUID, but --peers has no ids" },
        { Good with { Join = "a@127.0.0.1:1" }, "--join 'a@127.0.0.1:1': give host:port of members" },
        { Good with { Join = "a=127.0.0.1:1" }, "--join 'a=127.0.0.1:1': give host:port of members that run, "
            + "such as 127.0.0.1:60051; leave the id out: write 127.0.0.1:1" },
        { Good with { PeerAddress = "a=:1" }, "--peer-addr 'a=:1': give host:port" },
        { Good with { AdvertiseHttpAddress = "a@h:1" }, "leave the id out: write h:1" },
        { Good with { Join = "127.0.0.1:1,::1:5" }, "an IPv6 address goes in brackets" },
        { Good with { Join = "h:0" }, "--join 'h:0'" },
        { Good with { Join = string.Join(',', Enumerable.Range(1, 65).Select(n => $"h:{n}")) },
            "--join has 65 addresses: give at most 64" },
        { Good with { Join = "h:1", PeerAddress = "0.0.0.0:60051", Insecure = true },
            "name one with --advertise-peer-addr" },
        { Good with { Zone = "rack 1" }, "--zone 'rack 1': a name has at most 64 characters" },
        { Good with { Zone = new string('x', 65) }, "--zone 'xxx" },
        { Good with { Weight = 0 }, "--weight 0: give 1 to 10000" },
        { Good with { Weight = 10_001 }, "--weight 10001" },
        { Good with { Peers = "b@127.0.0.1:1", PeerAddress = "0.0.0.0:60051", Insecure = true },
        "name one with --advertise-peer-addr" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_named_with_its_flag_and_value(ServerOptions options, string expected) =>
        Assert.Contains(
            options.Validate(), sentence => sentence.Contains(expected, StringComparison.Ordinal));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(4, 2)]
    [InlineData(9, 4)]
    [InlineData(96, 16)]
    public void Loops_follow_the_processors(int processors, int loops) =>
        Assert.Equal(loops, ServerOptions.LoopsFor(processors));

    [Fact]
    public void The_defaults_are_right() => Assert.Empty(Good.Validate().Concat(Good.Warnings()));

    [Fact]
    public void Http_is_asked_under_the_names_that_are_told_and_given()
    {
        var options = Good with
        {
            AdvertiseHttpAddress = "told.example:80",
            HttpHosts = " a.example ,b.example",
        };
        Assert.Empty(options.Validate());
        string[] names = ["told.example", "a.example", "b.example", "node-1", Environment.MachineName];
        Assert.All(names, name => Assert.Contains(name, options.HostNames("node-1")));
    }

    [Fact]
    public void All_mistakes_are_named_at_once() =>
        Assert.Equal(3, (Good with { Partitions = 0, Loops = 0, KeyPolicy = "x" }).Validate().Count);

    [Fact]
    public void An_even_number_of_members_and_a_long_heartbeat_are_warned_of()
    {
        var two = Good with { Id = "a", Peers = "b@127.0.0.1:1", Heartbeat = TimeSpan.FromMilliseconds(200) };
        Assert.Empty(two.Validate());
        Assert.Contains(
            two.Warnings(), sentence => sentence.Contains("makes 2 members", StringComparison.Ordinal));
        Assert.Contains(
            two.Warnings(), sentence => sentence.Contains("more than a tenth", StringComparison.Ordinal));
    }

    [Fact]
    public void Quorum_clocks_that_may_differ_less_than_the_members_clocks_are_warned_of()
    {
        var less = Good with
        {
            ClockOffsetMax = TimeSpan.FromSeconds(10),
            QuorumClockOffsetMax = TimeSpan.FromSeconds(5),
        };
        Assert.Empty(less.Validate());
        Assert.Equal(
            "--quorum-clock-offset-max 5s is below --clock-offset-max 10s: writes to quorum keyspaces may be "
            + "refused while the members' clocks still agree. Give it at least as much",
            Assert.Single(less.Warnings()));
        Assert.Empty((less with { QuorumClockOffsetMax = TimeSpan.FromSeconds(10) }).Warnings());
    }

    [Theory]
    [InlineData("a@127.0.0.1:1", "127.0.0.1:1", false, "--peers and --join exclude each other")]
    [InlineData("", "127.0.0.1:1", true, "--join and --bootstrap exclude each other")]
    [InlineData("a@127.0.0.1:1", "h:1", true, "--peers and --join and --bootstrap exclude each other")]
    [InlineData("a@127.0.0.1:1", "", true, "--peers and --bootstrap exclude each other")]
    [InlineData("a@127.0.0.1:1", "", false, "")]
    [InlineData("", "127.0.0.1:1", false, "")]
    [InlineData("", " , ", true, "")]
    public void A_new_folder_comes_to_its_cluster_by_one_way(
        string peers, string join, bool bootstrap, string expected)
    {
        var options = Good with { Peers = peers, Join = join, Bootstrap = bootstrap };
        Assert.Empty(options.Validate());
        if (expected.Length > 0)
            Assert.StartsWith(expected, Assert.Single(options.ValidateNew()), StringComparison.Ordinal);
        else
            Assert.Empty(options.ValidateNew());
    }

    [Fact]
    public void A_node_that_joins_has_a_name_and_no_id() =>
        Assert.Contains(
            "is a UUID, but a node that joins draws its own",
            Assert.Single((Good with { Join = "h:1", Id = "9e2d1f34-0000-4000-8000-000000000001" })
                .ValidateNew()), StringComparison.Ordinal);

    [Fact]
    public void Addresses_to_join_are_spelled_out() =>
        Assert.Equal(["127.0.0.1:60052", "h:1"], (Good with { Join = ":60052, h:1,," }).JoinList());

    [Fact]
    public void A_node_that_others_cannot_reach_is_warned_of()
    {
        var far = Good with { Join = "127.0.0.1:1,far.example:60051" };
        Assert.Contains(far.Warnings(), sentence => sentence.StartsWith(
            "--join far.example:60051 is on another machine, but other nodes are told to dial "
            + "127.0.0.1:60051", StringComparison.Ordinal));
        Assert.Empty((far with { AdvertisePeerAddress = "near.example:60051" }).Warnings());
        Assert.Empty((far with { Join = "[::1]:5,localhost:5" }).Warnings());
    }

    [Fact]
    public void A_node_is_told_whom_to_join_its_zone_and_its_weight()
    {
        var options = Good with { Join = "h:1,h:2", Zone = "rack-1", Weight = 250 };
        var list = MemberList.Parse(options);
        var self = new PeerHello(list.Self, list.Name, list.PeerAddress, "", "");
        var node = options.ForNode(self, list.Members, MachineLimits.Of(options).Plan);
        Assert.Equal(["h:1", "h:2"], node.Join);
        Assert.Equal(("rack-1", 250), (node.Zone, node.Weight));
        Assert.Equal(self.Id, Assert.Single(node.Members).Id);
        Assert.Equal(("", 100, ""), (Good.Zone, Good.Weight, Good.Join));
    }

    [Fact]
    public void The_timing_that_tuning_advice_gives_is_taken() => Assert.Empty((Good with
    {
        ElectionTimeoutMin = TimeSpan.FromMilliseconds(500),
        ElectionTimeoutMax = TimeSpan.FromMilliseconds(1000),
        Heartbeat = TimeSpan.FromMilliseconds(50),
    }).Validate());
}
