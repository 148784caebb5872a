using Kvorum.Node;
using Kvorum.Node.Budgets;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>
/// Large replies find room before they are made, on the node that has the client's connection.
/// </summary>
public class ReplyRoomTests
{
    private const int LargeBytes = 300_000;

    private static readonly ByteRoomOptions Options = new()
    {
        BytesMax = 1 << 20,
        ShareBytesMax = LargeBytes + (64 << 10),
    };

    private readonly ByteRoom _room = new(Options);

    [Fact]
    public void A_large_value_waits_for_room_and_a_small_one_overtakes_it()
    {
        using var cluster = Filled(1);
        using var share = _room.Open();
        var first = Read(cluster, 0, "large", share);
        cluster.RunUntil(() => first.Reply is not null);
        Assert.Equal((LargeBytes, LargeBytes), (first.ReplyBytes, (int)share.Used));
        var second = Read(cluster, 0, "large", share);
        var small = Read(cluster, 0, "small", share);
        cluster.RunUntil(() => small.Reply is not null);
        cluster.Run(200);
        Assert.Null(second.Reply);
        Assert.Equal(100, small.Reply!.Value.Length);
        share.Give(first.ReplyBytes);
        cluster.RunUntil(() => second.Reply is not null);
        Assert.Equal(LargeBytes, second.Reply!.Value.Length);
        share.Give(second.ReplyBytes + small.ReplyBytes);
        Assert.Equal((0, 0), (share.Used, _room.Taken));
    }

    [Fact]
    public void A_value_that_grows_while_its_read_waits_gets_the_room_that_it_needs_then()
    {
        using var cluster = Filled(1);
        using var share = _room.Open();
        share.Charge(LargeBytes);
        var read = Read(cluster, 0, "large", share);
        cluster.Run(50);
        Put(cluster, "large", LargeBytes + 50_000);
        share.Give(LargeBytes);
        cluster.RunUntil(() => read.Reply is not null);
        Assert.Equal(LargeBytes + 50_000, read.Reply!.Value.Length);
        Assert.Equal(read.ReplyBytes, share.Used);
    }

    [Fact]
    public void A_read_that_finds_no_room_in_its_time_says_so()
    {
        using var cluster = Filled(1);
        using var share = _room.Open();
        share.Charge(LargeBytes);
        var read = Read(cluster, 0, "large", share, timeoutMs: 500);
        cluster.RunUntil(() => read.Reply is not null);
        Assert.Equal(ReplyStatus.DeadlineExceeded, read.Reply!.Status);
        Assert.Contains("found no room within 500 ms", read.Reply.Message, StringComparison.Ordinal);
        Assert.Equal((LargeBytes, 0), ((int)share.Used, _room.Waiting));
    }

    [Fact]
    public void What_a_client_that_left_had_asked_is_dropped()
    {
        using var cluster = Filled(1);
        using var share = _room.Open();
        var reads = Enumerable.Range(0, 50).Select(_ => Read(cluster, 0, "large", share)).ToArray();
        cluster.Run(50);
        share.Dispose();
        foreach (var read in reads)
            read.Cancel();
        cluster.Run(100);
        Assert.Single(reads, static read => read.Reply?.Status == ReplyStatus.Ok);
        Assert.All(reads, static read => Assert.NotNull(read.Reply));
        Assert.Equal((0, 0), (_room.Taken, _room.Waiting));
    }

    [Theory]
    [InlineData("put")]
    [InlineData("delete")]
    [InlineData("repeated")]
    public void A_write_that_is_answered_with_a_large_value_finds_room_before_it_happens(string kind)
    {
        using var cluster = Filled(1);
        using var share = _room.Open();
        WriteRequest write = kind == "delete"
            ? new DeleteRequest { Key = TestCluster.Bytes("large"), ReturnPrevious = true }
            : new PutRequest
            {
                Key = TestCluster.Bytes("large"),
                Value = TestCluster.Bytes("v"),
                ReturnPrevious = true,
                ClientId = "c",
                RequestId = 1,
            };
        if (kind == "repeated")
            Assert.True(cluster.Ask(0, write).Found);
        share.Charge(LargeBytes);
        var call = Submit(cluster, 0, write, share);
        cluster.Run(100);
        Assert.Null(call.Reply);
        if (kind != "repeated")
            Assert.Equal(LargeBytes, cluster.Get(0, "large")!.Length);
        share.Give(LargeBytes);
        cluster.RunUntil(() => call.Reply is not null);
        Assert.Equal((LargeBytes, kind == "repeated"), (call.Reply!.Value.Length, call.Reply.Replayed));
        Assert.Equal(LargeBytes, share.Used);
    }

    [Fact]
    public void The_leader_sends_a_forwarded_reply_only_when_the_asking_node_has_room()
    {
        using var cluster = Filled(3);
        var asked = (cluster.LeaderOf("large") + 1) % 3;
        using var share = _room.Open();
        share.Charge(LargeBytes);
        var most = 0;
        cluster.Network.Passes = (_, _, kind, bytes) =>
        {
            most = kind == PeerFrameKind.ForwardReply ? Math.Max(most, bytes.Length) : most;
            return true;
        };
        var read = Read(cluster, asked, "large", share);
        cluster.Run(500);
        Assert.Null(read.Reply);
        Assert.Equal(0, most);
        share.Give(LargeBytes);
        cluster.RunUntil(() => read.Reply is not null);
        Assert.Equal(LargeBytes, read.Reply!.Value.Length);
        Assert.InRange(most, LargeBytes, LargeBytes + 100);
        Assert.Equal(LargeBytes, share.Used);
    }

    [Fact]
    public void Only_so_many_large_replies_are_on_their_way_from_a_peer_whoever_asks()
    {
        using var cluster = Filled(3);
        Put(cluster, "large", 3 << 20);
        var asked = (cluster.LeaderOf("large") + 1) % 3;
        var sent = 0;
        cluster.Network.Passes = (_, _, kind, bytes) =>
        {
            sent += kind == PeerFrameKind.ForwardReply ? bytes.Length >> 20 : 0;
            return kind != PeerFrameKind.ForwardReply;
        };
        // They are lost, or take long: their callers leave, and yet no more may be asked for.
        var reads = Enumerable.Range(0, 10).Select(_ => Read(cluster, asked, "large", null)).ToArray();
        cluster.Run(200);
        foreach (var read in reads.Take(5))
            read.Cancel();
        cluster.Run(500);
        Assert.Equal(6, sent);
        cluster.Network.Passes = static (_, _, _, _) => true;
        cluster.Network.Reset(cluster.IdOf(asked), cluster.IdOf(cluster.LeaderOf("large")));
        cluster.RunUntil(() => reads.All(static read => read.Reply is not null));
        Assert.All(reads.Skip(5), static read => Assert.Equal(3 << 20, read.Reply!.Value.Length));
    }

    [Fact]
    public void A_page_of_a_scan_has_room_before_it_is_begun_and_holds_what_it_has_become()
    {
        using var cluster = Filled(1);
        using var share = _room.Open();
        share.Charge(LargeBytes);
        var scan = Submit(cluster, 0, new ScanRequest { Key = default }, share);
        cluster.Run(200);
        Assert.Null(scan.Reply);
        share.Give(LargeBytes);
        cluster.RunUntil(() => scan.Reply is not null);
        Assert.InRange(scan.Reply!.Value.Length, LargeBytes, LargeBytes + 1000);
        Assert.Equal(scan.Reply.Value.Length, share.Used);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void After_a_storm_of_calls_that_are_taken_back_and_fail_nothing_is_held(int seed)
    {
        using var cluster = Filled(3);
        var random = new Random(seed);
        var shares = Enumerable.Range(0, 3).Select(_ => _room.Open()).ToList();
        var calls = new List<TestCall>();
        for (var n = 0; n < 300; n++)
        {
            var share = shares[random.Next(shares.Count)];
            var node = random.Next(3);
            if (cluster.IsRunning(node))
                calls.Add(Submit(cluster, node, RandomRequest(random), share, random.Next(10, 2000)));
            cluster.Run(5 * random.Next(3));
            GiveBack(calls, static call => call.Reply is not null);
            if (random.Next(4) == 0 && calls.Count > 0)
                calls[random.Next(calls.Count)].Cancel();
            if (n % 60 == 59)
            {
                var at = random.Next(3);
                foreach (var lost in calls.Where(static call => call.Reply is null))
                    lost.Cancel();
                cluster.Run(200);
                GiveBack(calls, static call => call.Reply is not null);
                cluster.Crash(at, seed);
                cluster.Run(300);
                cluster.Start(at);
            }
        }

        cluster.RunUntil(() => calls.TrueForAll(static call => call.Reply is not null));
        GiveBack(calls, static _ => true);
        Assert.All(shares, static share => Assert.Equal(0, share.Used));
        Assert.Equal((0, 0), (_room.Taken, _room.Waiting));
    }

    private static void GiveBack(List<TestCall> calls, Func<TestCall, bool> which)
    {
        foreach (var call in calls.Where(which))
            call.Replies!.Give(call.ReplyBytes);
        calls.RemoveAll(call => which(call));
    }

    private static Request RandomRequest(Random random) => random.Next(4) switch
    {
        0 => new ScanRequest { Key = default },
        1 => new PutRequest
        {
            Key = TestCluster.Bytes("large"),
            Value = new byte[random.Next(LargeBytes)],
            ReturnPrevious = true,
        },
        _ => new GetRequest { Key = TestCluster.Bytes(random.Next(2) == 0 ? "large" : "small") },
    };

    private static TestCluster Filled(int nodes)
    {
        var cluster = new TestCluster(nodes, static options => options with { SegmentBytes = 8 << 20 });
        cluster.RunUntilReady();
        Put(cluster, "large", LargeBytes);
        Put(cluster, "small", 100);
        return cluster;
    }

    private static void Put(TestCluster cluster, string key, int bytes) => Assert.Equal(
        ReplyStatus.Ok,
        cluster.Ask(0, new PutRequest { Key = TestCluster.Bytes(key), Value = new byte[bytes] }).Status);

    private static TestCall Read(
        TestCluster cluster, int node, string key, ByteShare? share, int timeoutMs = 5000) =>
        Submit(cluster, node, new GetRequest { Key = TestCluster.Bytes(key) }, share, timeoutMs);

    private static TestCall Submit(
        TestCluster cluster, int node, Request request, ByteShare? share, int timeoutMs = 5000)
    {
        var call = new TestCall(request, TimeSpan.FromMilliseconds(timeoutMs), share);
        cluster[node].Submit(call);
        return call;
    }
}
