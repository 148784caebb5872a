using Kvorum.Node;
using Kvorum.Node.Replicas;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>
/// Snapshots on their way: what interrupts one costs a piece or two, not the beginning; they keep to their
/// rate; and a disk without room makes them wait, not the node end.
/// </summary>
public class SnapshotTransferTests
{
    private const int Chunk = 256 << 10;
    private const int ValueBytes = 100_000;

    private readonly SortedDictionary<(ulong Identity, GroupId Group), (long Total, long Sent)> _sent = [];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(9)]
    public void A_reset_connection_does_not_begin_it_anew(int pieces)
    {
        using var cluster = Lagging(out var leader, out var behind, 40, rate: 3_000_000);
        var left = pieces;
        cluster.Start(behind);
        cluster.RunUntil(
            () =>
            {
                if (left >= 0 && Sent().Pieces > left)
                {
                    Assert.True(Sent().Pieces < 14);
                    left = -1;
                    cluster.Network.Reset(cluster.IdOf(leader), cluster.IdOf(behind));
                }

                return IsCaughtUp(cluster, behind);
            },
            30_000, "a follower that has caught up");
        Assert.Equal(-1, left);
        AssertSentOnce(cluster, allowed: 2);
    }

    [Fact]
    public void Resets_again_and_again_do_not_keep_it_from_its_end()
    {
        using var cluster = Lagging(out var leader, out var behind, 40, rate: 3_000_000);
        cluster.Start(behind);
        var (last, resets) = (0, 0);
        cluster.RunUntil(
            () =>
            {
                if (Sent().Pieces >= last + 3)
                {
                    last = Sent().Pieces;
                    resets++;
                    cluster.Network.Reset(cluster.IdOf(leader), cluster.IdOf(behind));
                }

                return IsCaughtUp(cluster, behind);
            },
            60_000, "a follower that has caught up");
        Assert.True(resets > 3, $"{resets} resets");
        AssertSentOnce(cluster, allowed: 2 * resets);
    }

    [Theory]
    [InlineData(PeerFrameKind.SnapshotAck, 4)]
    [InlineData(PeerFrameKind.SnapshotAck, 1)]
    [InlineData(PeerFrameKind.SnapshotChunk, 3)]
    public void A_lost_frame_is_asked_for_again(PeerFrameKind kind, int number)
    {
        using var cluster = Lagging(out _, out var behind, 40);
        var seen = 0;
        var counted = cluster.Network.Passes;
        cluster.Network.Passes = (from, to, what, bytes) =>
            counted(from, to, what, bytes) && (what != kind || ++seen != number);
        cluster.Start(behind);
        cluster.RunUntil(
            () => IsCaughtUp(cluster, behind), 8_000, "a follower that has caught up before it is a stall");
        Assert.True(seen >= number);
        AssertSentOnce(cluster, allowed: 1);
    }

    [Fact]
    public void The_last_answer_may_be_lost()
    {
        using var cluster = Lagging(out _, out var behind, 40);
        var counted = cluster.Network.Passes;
        var isLost = false;
        cluster.Network.Passes = (from, to, what, bytes) =>
        {
            if (what == PeerFrameKind.SnapshotAck && SnapshotCodec.DecodeAck(bytes) is { } ack
                && _sent.Any(one => one.Key.Group == ack.Group && one.Value.Total == ack.Received))
            {
                (isLost, var was) = (true, isLost);
                return was;
            }

            return counted(from, to, what, bytes);
        };
        cluster.Start(behind);
        cluster.RunUntil(() => IsCaughtUp(cluster, behind), 20_000, "a follower that has caught up");
        cluster.Run(15_000);
        Assert.True(isLost);
        AssertSentOnce(cluster, allowed: 0);
    }

    // Compactions and checkpoints go on at the leader meanwhile, and its log moves on.
    [Fact]
    public void It_goes_on_though_the_leader_has_other_tables_by_now()
    {
        using var cluster = Lagging(out var leader, out var behind, 40, rate: 3_000_000);
        cluster.Start(behind);
        cluster.RunUntil(() => Sent().Pieces >= 5);
        Assert.True(Sent().Pieces < 10);
        cluster.Network.Cut(cluster.IdOf(leader), cluster.IdOf(behind));
        cluster.Network.Cut(cluster.IdOf(behind), cluster.IdOf(leader));
        cluster.Network.Reset(cluster.IdOf(leader), cluster.IdOf(behind));
        for (var n = 0; n < 60; n++)
            Assert.Equal(ReplyStatus.Ok, Put(cluster, leader, n % 40).Status);
        cluster.Network.Heal();
        cluster.Network.Reset(cluster.IdOf(leader), cluster.IdOf(behind));
        cluster.RunUntil(() => IsCaughtUp(cluster, behind), 30_000, "a follower that has caught up");
        AssertSentOnce(cluster, allowed: 2);
    }

    [Fact]
    public void It_keeps_to_its_rate()
    {
        const long rate = 1_000_000;
        using var cluster = Lagging(out _, out var behind, 40, rate);
        List<(long Ms, long Bytes)> pieces = [];
        var counted = cluster.Network.Passes;
        cluster.Network.Passes = (from, to, what, bytes) =>
        {
            if (what == PeerFrameKind.SnapshotChunk)
                pieces.Add((cluster.Clock.Ms, SnapshotCodec.DecodeChunk(bytes).Bytes.Length));
            return counted(from, to, what, bytes);
        };
        cluster.Start(behind);
        cluster.RunUntil(() => IsCaughtUp(cluster, behind), 60_000, "a follower that has caught up");
        var total = pieces.Sum(piece => piece.Bytes);
        Assert.True(total > 10 * Chunk, $"{total} bytes are no test");
        Assert.All(pieces, first => Assert.True(
            pieces.Where(piece => piece.Ms >= first.Ms && piece.Ms < first.Ms + 2000)
                .Sum(piece => piece.Bytes) <= (rate * 21 / 10) + (2 * Chunk)));
        // Nor is it much slower.
        Assert.True(pieces[^1].Ms - pieces[0].Ms < (total * 1200 / rate) + 500);
        AssertSentOnce(cluster, allowed: 0);
    }

    [Fact]
    public void A_snapshot_that_finds_no_room_waits_and_the_node_goes_on()
    {
        using var cluster = Lagging(out var leader, out var behind, 40);
        var disk = cluster.DiskOf(behind);
        var failures = 0;
        // Of the installs only: the manifest that is to name what came.
        disk.Fault = (operation, path) =>
            operation == "create" && path.EndsWith("manifest.new", StringComparison.Ordinal) && failures < 3
                && ++failures > 0
                ? new Kvorum.Storage.Files.DiskFullException($"{path}: No space left on device", null!)
                : null;
        cluster.Start(behind);
        cluster.RunUntil(() => IsCaughtUp(cluster, behind), 30_000, "a follower that has caught up");
        Assert.Equal(3, failures);
        Assert.Null(cluster.FatalOf(behind));
        Assert.Equal(ReplyStatus.Ok, Put(cluster, leader, 1).Status);
        cluster.Crash(behind);
        cluster.Start(behind);
        cluster.RunUntil(() => IsCaughtUp(cluster, behind), 10_000, "the same after a crash");
    }

    // Swarm seed 5017: a leader that knows nothing of a follower may offer it what it has long applied. The
    // follower gave that up in the middle, and was offered it again, for ever.
    [Fact]
    public void An_offer_that_brings_nothing_new_is_answered_by_how_much_is_there()
    {
        using var cluster = Lagging(out var leader, out var behind, 40);
        cluster.Start(behind);
        cluster.RunUntil(() => IsCaughtUp(cluster, behind), 30_000, "a follower that has caught up");
        cluster.Run(3000);
        var replica = cluster[leader].Loops.SelectMany(loop => loop.RaftReplicas)
            .MaxBy(replica => replica.Tree.Checkpoint?.AppliedIndex ?? 0)!;
        var tag = replica.Tree.Checkpoint!.Tag;
        List<SnapshotAck> answers = [];
        var raft = 0;
        cluster.Network.Passes = (from, to, what, bytes) =>
        {
            if (what == PeerFrameKind.SnapshotAck)
                answers.Add(SnapshotCodec.DecodeAck(bytes));
            var isToLeader = from == cluster.IdOf(behind) && to == cluster.IdOf(leader);
            raft += what == PeerFrameKind.Raft && isToLeader ? 1 : 0;
            return true;
        };
        var offer = new ByteWriter();
        SnapshotCodec.Encode(
            new SnapshotChunk(replica.Group, 7, replica.Raft.Term, Identity: 9, 5_000_000, 0, tag, default),
            offer);
        cluster.Network.Late(
            cluster.IdOf(leader), cluster.IdOf(behind), PeerFrameKind.SnapshotChunk, offer.Written);
        cluster.Run(100);
        Assert.Equal(
            new SnapshotAck(replica.Group, 7, 5_000_000, SnapshotAnswer.Received), Assert.Single(answers));
        Assert.True(raft > 0);
    }

    // A follower that is behind by so many values that it needs a snapshot.
    private TestCluster Lagging(out int leader, out int behind, int values, long rate = 0)
    {
        var cluster = new TestCluster(3, options => options with
        {
            CheckpointLogBytes = 1_000_000,
            TrailingLogBytes = 0,
            SnapshotBytesPerSecond = rate,
            MemTableBytes = 64 << 20,
        });
        cluster.RunUntilReady();
        leader = cluster.LeaderOf("key-{one}-0");
        var first = leader;
        behind = Enumerable.Range(0, 3).First(node => node != first);
        cluster.Run(3000);
        cluster.Crash(behind);
        for (var n = 0; n < values; n++)
            Assert.Equal(ReplyStatus.Ok, Put(cluster, leader, n).Status);
        cluster.Run(3000);
        cluster.Network.Passes = Count;
        return cluster;
    }

    // All keys are in one partition.
    private static Reply Put(TestCluster cluster, int node, int n) =>
        cluster.Put(node, $"key-{{one}}-{n}", new string((char)('a' + (n % 26)), ValueBytes));

    private bool Count(
        Kvorum.Raft.NodeId from, Kvorum.Raft.NodeId to, PeerFrameKind kind, byte[] bytes)
    {
        if (kind != PeerFrameKind.SnapshotChunk)
            return true;
        var chunk = SnapshotCodec.DecodeChunk(bytes);
        Assert.True(chunk.Bytes.Length <= Chunk);
        var sent = _sent.GetValueOrDefault((chunk.Identity, chunk.Group)).Sent;
        _sent[(chunk.Identity, chunk.Group)] = (chunk.Total, sent + chunk.Bytes.Length);
        return true;
    }

    private (int Pieces, long Bytes) Sent()
    {
        var large = _sent.Values.Sum(one => one.Sent);
        return ((int)(large / Chunk), large);
    }

    // Each checkpoint that was begun came once, but for so many pieces.
    private void AssertSentOnce(TestCluster cluster, int allowed)
    {
        Assert.Contains(_sent.Values, one => one.Total > 10 * Chunk);
        Assert.Single(_sent.Values, one => one.Total > 10 * Chunk);
        Assert.All(_sent.Values, one => Assert.True(
            one.Sent <= one.Total + (allowed * Chunk), $"{one.Sent} bytes were sent of {one.Total}"));
        Assert.All(Enumerable.Range(0, cluster.Count), node => Assert.Null(cluster.FatalOf(node)));
    }

    private static bool IsCaughtUp(TestCluster cluster, int behind) =>
        Enumerable.Range(0, cluster.Count).All(node => Applied(cluster, node) == Applied(cluster, behind));

    private static string Applied(TestCluster cluster, int node) =>
        string.Join(' ', cluster.Status(node).Partitions.Select(partition => partition.Applied));
}
