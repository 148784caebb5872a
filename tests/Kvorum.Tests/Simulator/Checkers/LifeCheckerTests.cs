using Kvorum.Protocol;
using Kvorum.Simulator.Checkers;
using Kvorum.Simulator.World;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Simulator.Checkers;

/// <summary>What the checker of lives demands, of a node that runs.</summary>
public sealed class LifeCheckerTests : IDisposable
{
    private const ulong TtlMs = 2000;
    private const int StepMs = 5;
    private readonly TestCluster _cluster = new(1);
    private readonly SimulatedWorld _world = new(1, default, null);
    private readonly LifeChecker _lives;

    public LifeCheckerTests()
    {
        _cluster.RunUntilReady();
        var groups = _cluster[0].Loops.Sum(static loop => loop.RaftReplicas.Count);
        _lives = new(_world, new(), groups, static () => true) { WellSinceUs = 0 };
    }

    private bool HasNone => _lives.HasNoneSinceWell((long)TtlMs);

    public void Dispose() => _cluster.Dispose();

    [Fact]
    public void A_value_that_is_held_is_waited_for_until_it_ends()
    {
        Ask(Put(TtlMs));
        Assert.False(HasNone);
        Pass(TtlMs + 500);
        Assert.True(HasNone);
        Assert.Null(_world.Failure);
    }

    [Fact]
    public void A_value_that_is_held_too_long_breaks_the_promise()
    {
        Ask(Put(TtlMs));
        // The node stands still.
        _world.RunUntil(_world.NowUs + 10_000_000, static () => false);
        Pass(TtlMs + 500);
        Assert.Contains("a life of 2000 ms, begun when all was well, took", _world.Failure);
    }

    /// <summary>
    /// Delayed requests of clients that gave up: nothing is due, so log time stands until the next write.
    /// </summary>
    [Fact]
    public void A_put_without_effect_is_not_waited_for()
    {
        var put = Put(500, "client", 1);
        Ask(put);
        Pass(1000);
        _lives.WellSinceUs = _world.NowUs;
        Assert.True(Ask(put).Replayed);
        Assert.Equal(ReplyStatus.ConditionFailed, Ask(Put(500, "client", 2, ifVersion: 9)).Status);
        Assert.True(HasNone);
        Assert.Null(_world.Failure);
    }

    [Fact]
    public void A_value_that_was_deleted_is_not_waited_for_nor_measured()
    {
        var version = Ask(Put(TtlMs)).Version;
        Assert.Equal(ReplyStatus.Ok, Ask(new DeleteRequest { Key = Key, IfVersion = version }).Status);
        Assert.True(HasNone);
        Pass(10_000);
        // Only this takes log time past the end that the deleted value had.
        Ask(Put(0));
        Assert.Null(_world.Failure);
    }

    [Fact]
    public void A_longer_life_is_not_waited_for()
    {
        Ask(Put(TtlMs + 1));
        Assert.True(HasNone);
        Assert.False(_lives.HasNoneSinceWell((long)TtlMs + 1));
    }

    private static ReadOnlyMemory<byte> Key => TestCluster.Bytes("key");

    private static PutRequest Put(
        ulong ttlMs, string client = "", ulong request = 0, ulong? ifVersion = null) => new()
        {
            Key = Key,
            Value = TestCluster.Bytes("value"),
            ClientId = client,
            RequestId = request,
            IfVersion = ifVersion,
            TtlMs = ttlMs,
        };

    private Reply Ask(Request request)
    {
        var call = _cluster.Submit(0, request);
        Pass(50);
        Assert.NotNull(call.Reply);
        return call.Reply;
    }

    private void Pass(ulong ms)
    {
        for (var step = 0UL; step < ms; step += StepMs)
        {
            _cluster.Run(StepMs);
            _world.RunUntil(_world.NowUs + (1000 * StepMs), static () => false);
            foreach (var replica in _cluster[0].Loops.SelectMany(static loop => loop.RaftReplicas))
                _lives.Look(replica);
        }
    }
}
