using Kvorum.Node;
using Kvorum.Node.Leaderless;
using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Raft;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node.Leaderless;

/// <summary>A write on its way, answer by answer: node 1 coordinates, nodes 2 and 3 have replicas.</summary>
public class WriteOperationTests : ICoordinatorHost
{
    private static readonly NodeId Self = new(1), Up = new(2), Away = new(3), Other = new(4);
    private readonly List<NodeId> _asked = [];
    private readonly List<NodeId> _hints = [];
    private WriteResult? _result;

    public WriteOperationTests()
    {
        var seeds = new[] { Self, Up, Away, Other }
            .Select(static id => new MemberSeed(id, $"n{id}", $"{id}:1"));
        var clock = new TestClock();
        Cluster = new(
            new NodeOptions { Self = new(Self, "n1", "1:1", "", ""), Members = [.. seeds] },
            new NodeWorld
            {
                Files = null!,
                Jobs = null!,
                Transport = new TestNetwork().For(Self),
                Time = clock,
                RandomSeed = 1,
                Events = null!,
            },
            new(1, 1, 1));
        foreach (var node in new[] { Up, Other })
        {
            Cluster.Health.Up(node, 0);
            Cluster.Health.Accept(node);
        }
    }

    long ICoordinatorHost.NowMs => 0;

    long ICoordinatorHost.WallMs => 0;

    bool ICoordinatorHost.IsWallKnown => true;

    long ICoordinatorHost.RecordTimeMs => 0;

    internal ClusterView Cluster { get; }

    ClusterView ICoordinatorHost.Cluster => Cluster;

    VersionClock ICoordinatorHost.Versions => throw new NotSupportedException();

    ulong ICoordinatorHost.NextOperation() => 7;

    void ICoordinatorHost.Ask(NodeId node, in QuorumRequest request) => _asked.Add(node);

    void ICoordinatorHost.KeepHint(Hint hint, Action<bool> done) => _hints.Add(hint.Peer);

    void ICoordinatorHost.Finish(Call call, Reply reply) => throw new NotSupportedException();

    void ICoordinatorHost.TakeReplyRoom(Call call, long valueBytes, Action then) =>
        throw new NotSupportedException();

    /// <summary>
    /// A hint that this node keeps itself counts for nothing, and would be handed over later: a write of
    /// which the client was told that it was not made came true under a version of its own. Found by
    /// <c>./sim --seed 942000056 --quorums</c>.
    /// </summary>
    [Fact]
    public void Of_a_sloppy_write_that_all_refuse_this_node_keeps_no_hint()
    {
        var write = Begin(isSloppy: true);
        Assert.Equal([Up, Self], _asked);
        Answer(write, Self, QuorumAsk.Hint, RefusalReason.ClockTooFarAhead);
        Assert.Equal([Up, Self, Other], _asked);
        Answer(write, Other, QuorumAsk.Hint, RefusalReason.ClockTooFarAhead);
        Assert.Null(_result);
        Answer(write, Up, QuorumAsk.Store, RefusalReason.ClockTooFarAhead);
        Assert.Equal(WriteOutcome.Refused, _result?.Outcome);
        Assert.Empty(_hints);
        Assert.True(write.IsOver);
    }

    [Fact]
    public void Of_one_that_a_replica_has_stored_it_keeps_one_if_no_other_does()
    {
        var write = Begin(isSloppy: true);
        Answer(write, Self, QuorumAsk.Hint, RefusalReason.Full);
        Answer(write, Other, QuorumAsk.Hint, RefusalReason.Full);
        Answer(write, Up, QuorumAsk.Store, null);
        Assert.Equal(WriteOutcome.Succeeded, _result?.Outcome);
        Assert.Equal([Away], _hints);
    }

    [Fact]
    public void A_strict_write_asks_for_hints_when_it_is_decided()
    {
        var write = Begin(isSloppy: false);
        Assert.Equal([Up], _asked);
        Assert.Empty(_hints);
        Answer(write, Up, QuorumAsk.Store, null);
        Assert.Equal(WriteOutcome.Succeeded, _result?.Outcome);
        Assert.Equal([Away], _hints);
    }

    private WriteOperation Begin(bool isSloppy)
    {
        var placed = new PlacedGroup(new(1), 0, new ReplicaTarget([Up, Away], []));
        var nodes = ReplicaNodes.Of(Cluster, placed, withFallbacks: isSloppy);
        var write = new WriteOperation(
            this, new(5), nodes, nodes.Change.PresentWriters(1), QuorumSet.None, isSloppy, default,
            generation: 0, endMs: 1000, (_, result) => _result = result);
        write.Begin();
        return write;
    }

    private static void Answer(WriteOperation write, NodeId from, QuorumAsk kind, RefusalReason? refusal) =>
        write.Answered(from, new QuorumAnswer(kind, 7, refusal));
}
