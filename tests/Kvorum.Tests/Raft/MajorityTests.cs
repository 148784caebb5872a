using Kvorum.Raft;
using Kvorum.Raft.Membership;
using Kvorum.Raft.Replication;

namespace Kvorum.Tests.Raft;

/// <summary>The arithmetic of majorities against twins that say it in the words of the definition.</summary>
public class MajorityTests
{
    [Fact]
    public void Reached_is_the_largest_value_that_a_majority_has()
    {
        var random = new Random(1);
        for (var run = 0; run < 5000; run++)
        {
            var count = random.Next(1, 8);
            var values = Enumerable.Range(0, count).Select(_ => (ulong)random.Next(0, 6)).ToArray();
            var expected = values.Where(v => values.Count(w => w >= v) > values.Length / 2).Max();
            Assert.Equal(expected, Majority.Reached(values));
        }
        Assert.Equal(ulong.MaxValue, Majority.Reached([]));
    }

    [Fact]
    public void Verdicts_agree_with_trying_all_missing_votes()
    {
        for (var voters = 1; voters <= 7; voters++)
        {
            for (var yes = 0; yes <= voters; yes++)
            {
                for (var no = 0; yes + no <= voters; no++)
                {
                    var missing = voters - yes - no;
                    var expected = yes > voters / 2 ? Verdict.Won
                        : yes + missing > voters / 2 ? Verdict.Pending : Verdict.Lost;
                    Assert.Equal(expected, Majority.Tally(voters, yes, no));
                }
            }
        }
    }

    [Fact]
    public void Joint_progress_needs_a_majority_of_each_half()
    {
        var random = new Random(2);
        for (var run = 0; run < 3000; run++)
        {
            var configuration = Draw(random);
            var match = new Dictionary<NodeId, ulong>();
            var table = new PeerTable();
            table.Follow(configuration, node => Peer(node, match[node] = (ulong)random.Next(0, 6)));
            bool Agrees(IReadOnlyList<NodeId> half, ulong value) =>
                half.Count == 0 || half.Count(n => match[n] >= value) > half.Count / 2;
            var expected = Enumerable.Range(0, 6).Select(value => (ulong)value)
                .Where(v => Agrees(configuration.Voters, v) && Agrees(configuration.Outgoing, v)).Max();
            Assert.Equal(expected, table.Reached(p => p.Match));
        }
    }

    [Fact]
    public void Joint_elections_need_a_majority_of_each_half_and_ignore_strangers()
    {
        var random = new Random(3);
        for (var run = 0; run < 3000; run++)
        {
            var configuration = Draw(random);
            var ballot = new Ballot();
            var votes = new Dictionary<NodeId, bool>();
            for (var node = 1; node <= 9; node++)
            {
                if (random.Next(3) == 0) continue;
                var id = new NodeId((UInt128)node);
                var (first, second) = (random.Next(2) == 0, random.Next(3) == 0);
                ballot.Record(id, first);
                Assert.Equal(!first, ballot.WasRefusedBy(id));
                // A grant after a refusal counts, a refusal after a grant does not.
                ballot.Record(id, second);
                votes[id] = first || second;
                Assert.Equal(!votes[id], ballot.WasRefusedBy(id));
            }
            bool Both(Func<NodeId, bool> counts) => Has(configuration.Voters, counts)
                && (configuration.Outgoing.Count == 0 || Has(configuration.Outgoing, counts));
            var won = Both(n => votes.TryGetValue(n, out var v) && v);
            var open = Both(n => !votes.TryGetValue(n, out var v) || v);
            var expected = won ? Verdict.Won : open ? Verdict.Pending : Verdict.Lost;
            Assert.Equal(expected, ballot.Count(configuration));
        }
    }

    private static bool Has(IReadOnlyList<NodeId> half, Func<NodeId, bool> counts) =>
        half.Count(counts) > half.Count / 2;

    private static Progress Peer(NodeId node, ulong match)
    {
        var progress = new Progress(node, match + 1, new Inflights(1, 1));
        progress.Accepted(match, 1);
        return progress;
    }

    private static Configuration Draw(Random random)
    {
        NodeId[] Some(int least) => [.. Enumerable.Range(1, 7).OrderBy(_ => random.Next())
            .Take(random.Next(least, 6)).Order().Select(n => new NodeId((UInt128)n))];
        return new Configuration { Voters = Some(1), Outgoing = Some(0) };
    }
}
