using Kvorum.Node;
using Kvorum.Raft;
using Kvorum.Simulator.Checkers;
using Kvorum.Simulator.Groups;
using Kvorum.Simulator.World;

namespace Kvorum.Tests.Raft;

/// <summary>
/// Split votes end: a thousand groups without a leader find one, each within a few election timeouts.
/// </summary>
public class ElectionTests
{
    private const int LeastTicks = 15;
    private const int MostTicks = 30;

    [Fact]
    public void A_thousand_elections_end()
    {
        var ticks = new List<int>();
        for (var seed = 0; seed < 1000; seed++) ticks.Add(TicksToElect(seed));
        ticks.Sort();
        // One timeout must pass; a few may be wasted by split votes; no run waits for ever.
        Assert.True(ticks[^1] < 12 * MostTicks, $"the slowest of 1000 elections took {ticks[^1]} ticks");
        Assert.True(ticks[500] < 2 * MostTicks, $"the median of 1000 elections took {ticks[500]} ticks");
    }

    /// <summary>
    /// Three to seven nodes start at once, with slow and unequal links; one tick is a tenth of a second.
    /// </summary>
    private static int TicksToElect(int seed)
    {
        var random = new Random(seed);
        var count = random.Next(3, 8);
        var ids = Enumerable.Range(1, count).Select(id => new NodeId((UInt128)id));
        var configuration = new Configuration { Voters = [.. ids] };
        var template = new RaftOptions
        {
            Id = default,
            HeartbeatTicks = 1,
            ElectionTimeoutMinTicks = LeastTicks,
            ElectionTimeoutMaxTicks = MostTicks,
            PreVote = random.Next(2) == 0,
            CheckQuorum = random.Next(2) == 0,
        };
        var world = new SimulatedWorld((ulong)seed, Verbosity.Outcome, null);
        var checker = new RaftChecker(world, groups: 1);
        var replicas = configuration.Voters
            .Select(id => new GroupMember(template with { Id = id }, configuration)).ToArray();
        foreach (var replica in replicas) replica.Start(random);
        var network = new PriorityQueue<Message, (int, int)>();
        for (int tick = 1, order = 0; ; tick++)
        {
            Assert.True(tick < 100 * MostTicks, $"seed {seed}: no leader after {tick} ticks");
            foreach (var replica in replicas) replica.Node!.Tick();
            while (network.TryPeek(out var message, out var due) && due.Item1 <= tick)
            {
                network.Dequeue();
                replicas[(int)message.To.Value - 1].Node!.Step(message);
            }
            foreach (var replica in replicas)
            {
                while (replica.Node!.HasReady)
                {
                    foreach (var message in replica.Take().Messages.Concat(replica.Persist()))
                        network.Enqueue(message, (tick + random.Next(0, 4), order++));
                }
                checker.Look(replica.Node, GroupId.Metadata, replica.Node, replica.Applied);
                Assert.True(world.Failure is null, world.Failure);
            }
            if (replicas.Any(r => r.Node!.Role == Role.Leader && r.Node.CommitIndex.Value > 0)) return tick;
        }
    }
}
