using Kvorum.Quorum;
using Kvorum.Quorum.Deletes;

namespace Kvorum.Tests.Quorum.Deletes;

/// <summary>When tombstones may go, and who keeps them.</summary>
public class HorizonTests
{
    private static readonly PeerId A = new(1);
    private static readonly PeerId B = new(2);
    private static readonly PeerId C = new(3);

    private static HybridTimestamp T(long ms) => HybridTimestamp.At(ms);

    private static RecordVersion At(long ms) => new(T(ms), new WriterId(1));

    [Fact]
    public void The_least_of_all_nodes_decides_and_it_never_goes_back()
    {
        LowWatermark[] reports =
        [
            new(C, T(90), WatermarkReason.Clock), new(A, T(70), WatermarkReason.Hint),
            new(B, T(80), WatermarkReason.Replica), new(new PeerId(9), T(1), WatermarkReason.Replica),
        ];
        var horizon = Horizon.Decide(T(50), [A, B, C], reports);
        Assert.Equal(T(70), horizon.Value);
        Assert.Equal(A, horizon.HeldBy.Node);
        Assert.Equal(30, horizon.BehindMs(100));
        Assert.Equal(0, horizon.BehindMs(10));

        Assert.Equal(T(75), Horizon.Decide(T(75), [A, B, C], reports).Value);
        // A node that is not heard holds it where it is, even if all others are far.
        var silent = Horizon.Decide(T(50), [A, B, C, new PeerId(4)], reports);
        Assert.Equal(T(50), silent.Value);
        Assert.Equal(new LowWatermark(new PeerId(4), T(50), WatermarkReason.Silent), silent.HeldBy);
        Assert.Equal(T(50), Horizon.Decide(T(50), [], reports).Value);
    }

    [Fact]
    public void A_node_is_held_by_the_oldest_of_its_writes_hints_and_its_replica()
    {
        Assert.Equal(new(A, T(9), WatermarkReason.Clock), LowWatermark.Of(A, T(9), false, null, null));
        Assert.Equal(new(A, T(9), WatermarkReason.WriteUnderWay), LowWatermark.Of(A, T(9), true, T(9), T(9)));
        Assert.Equal(new(A, T(8), WatermarkReason.Hint), LowWatermark.Of(A, T(9), true, T(8), T(10)));
        Assert.Equal(new(A, T(7), WatermarkReason.Replica), LowWatermark.Of(A, T(9), true, T(8), T(7)));
    }

    private static string NameOf(PeerId peer) => $"node {peer}";

    [Theory]
    [InlineData(WatermarkReason.Hint, "node 1 keeps a hint for a node that is down")]
    [InlineData(WatermarkReason.Silent, "node 1 does not answer")]
    [InlineData(WatermarkReason.Replica, "the replica of node 1 has not been compared")]
    [InlineData(WatermarkReason.WriteUnderWay, "node 1 waits for the answers")]
    [InlineData(WatermarkReason.Clock, "that is how long a round takes")]
    public void Who_holds_it_back_is_said(WatermarkReason reason, string text)
    {
        var horizon = new Horizon(T(1000), new LowWatermark(A, T(5000), reason));
        Assert.Contains("Tombstones of the last 60 s are kept", horizon.Sentence(65_000, NameOf));
        Assert.Contains(text, horizon.Sentence(65_000, NameOf));
    }

    [Fact]
    public void What_is_older_than_the_horizon_is_refused_and_a_replica_behind_it_is_refilled()
    {
        Assert.True(Horizon.Admits(T(5), At(5)));
        Assert.False(Horizon.Admits(T(5), new RecordVersion(new(T(5).Value - 1), new WriterId(9))));
        Assert.Equal(ReplicaFitness.Fit, Horizon.FitnessOf(T(5), T(5)));
        Assert.Equal(ReplicaFitness.RefillFromBlank, Horizon.FitnessOf(T(5), new(T(5).Value - 1)));
        Assert.Equal(ReplicaFitness.Fit, Horizon.FitnessOf(default, default));
    }

    [Fact]
    public void Writes_under_way_hold_the_watermark()
    {
        var writes = new WritesUnderWay(T(10));
        Assert.False(writes.TryBegin(At(9), out _));
        Assert.True(writes.TryBegin(At(12), out var first));
        writes.Turn(T(20));
        Assert.True(writes.TryBegin(At(25), out var second));
        Assert.True(writes.IsHeld);
        Assert.Equal(T(10), writes.Low);
        // A retry of a write that is not below the watermark goes where it belongs.
        Assert.True(writes.TryBegin(At(15), out var retried));
        Assert.Equal(first, retried);
        writes.Turn(T(30));
        writes.End(first);
        writes.Turn(T(31));
        Assert.Equal(T(10), writes.Low);
        writes.End(retried);
        writes.Turn(T(32));
        Assert.Equal(T(20), writes.Low);
        Assert.False(writes.TryBegin(At(19), out _));
        writes.End(second);
        writes.Turn(T(40));
        Assert.Equal(T(40), writes.Low);
        Assert.False(writes.IsHeld);
        Assert.Equal(0, writes.Count);
    }

    /// <summary>The promise of the watermark: nothing below it is begun or under way, at any time.</summary>
    [Fact]
    public void The_watermark_keeps_its_promise()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var now = 1000L;
            var writes = new WritesUnderWay(T(now));
            var open = new List<(RecordVersion Version, long Generation)>();
            var promised = T(now);
            for (var step = 0; step < 2000; step++)
            {
                now += random.Next(3);
                switch (random.Next(4))
                {
                    case 0:
                        writes.Turn(T(now));
                        Assert.True(writes.Low >= promised);
                        promised = writes.Low;
                        break;
                    case 1 when open.Count > 0 && (seed % 2 == 0 || open.Count > 3):
                        var index = random.Next(open.Count);
                        writes.End(open[index].Generation);
                        open.RemoveAt(index);
                        break;
                    default:
                        var version = At(now - (random.Next(3) == 0 ? random.Next(200) : 0));
                        var isBegun = writes.TryBegin(version, out var generation);
                        Assert.Equal(version.Time >= promised, isBegun);
                        if (isBegun) open.Add((version, generation));
                        break;
                }

                Assert.All(open, write => Assert.True(write.Version.Time >= writes.Low, $"seed {seed}"));
                Assert.Equal(open.Count, writes.Count);
            }

            foreach (var (_, generation) in open) writes.End(generation);
            writes.Turn(T(now));
            writes.Turn(T(now + 1));
            Assert.Equal(T(now + 1), writes.Low);
        }
    }

    [Fact]
    public void A_replica_is_complete_when_compared_with_all_others_behind_closed_gates()
    {
        var round = new CompletenessRound(T(5), [B, C]);
        Assert.False(round.IsDone);
        // Only comparisons after all gates are closed count.
        Assert.False(round.Compared(C));
        round.GateClosed(B);
        round.GateClosed(C);
        Assert.False(round.Compared(C));
        round.CloseGate();
        Assert.True(round.MayCompare);
        Assert.True(round.Compared(C));
        Assert.False(round.Compared(C));
        Assert.False(round.Compared(A));
        Assert.Equal([B], round.Open);
        Assert.True(round.Compared(B));
        Assert.True(round.IsDone);
        var alone = new CompletenessRound(T(5), []);
        Assert.False(alone.IsDone);
        alone.CloseGate();
        Assert.True(alone.IsDone);
    }
}
