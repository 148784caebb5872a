using Kvorum.Quorum;

namespace Kvorum.Tests.Quorum;

/// <summary>The fold of a write against a list of what each node really did.</summary>
public class WriteFoldTests
{
    private const int Nodes = 8;

    [Fact]
    public void Never_says_more_than_what_happened()
    {
        var outcomes = new int[4];
        for (var seed = 0; seed < 20_000; seed++) outcomes[(int)Run(new Random(seed), seed)]++;
        Assert.Equal(0, outcomes[(int)WriteOutcome.Undecided]);
        Assert.All(outcomes[1..], count => Assert.True(count > 500));
    }

    private static WriteOutcome Run(Random random, int seed)
    {
        var present = Draw(random);
        var next = random.Next(3) == 0 ? Draw(random) : QuorumSet.None;
        var isSloppy = random.Next(2) == 0;
        var up = new ReplicaMask((ulong)(random.Next(256) | random.Next(256)));
        var members = present.Members | next.Members;
        var fallbacks = isSloppy ? ReplicaMask.Below(Nodes).Except(members) : ReplicaMask.None;
        var fold = new WriteFold(present, next, up, fallbacks, isSloppy);
        Assert.Equal(fold.Outcome == WriteOutcome.Refused ? default : members & up, fold.Targets);

        // What is on which disk (a node holds it for a replica), and which nodes may hold it.
        var disks = new Dictionary<int, HashSet<int>>();
        var mayHold = new HashSet<int>();
        void Store(int node, int replica)
        {
            if (!disks.TryGetValue(node, out var held)) disks[node] = held = [];
            held.Add(replica);
            mayHold.Add(node);
        }

        var open = new List<int>();
        foreach (var node in fold.Targets) open.Add(node);
        mayHold.UnionWith(open);
        var first = fold.Outcome;
        while (open.Count > 0)
        {
            if (random.Next(3) == 0 && !fold.HintsWanted.IsEmpty && !(fallbacks & up).IsEmpty)
            {
                var fallback = (fallbacks & up).First + random.Next(3);
                if (fallbacks.Contains(fallback) && up.Contains(fallback))
                {
                    var replica = fold.HintsWanted.First;
                    fold.HintSent(fallback);
                    Store(fallback, replica);
                    fold.HintAcked(fallback, replica, isDurable: true);
                    if (first == WriteOutcome.Undecided) first = Check();
                }
            }

            var index = random.Next(open.Count);
            var it = open[index];
            open.RemoveAt(index);
            switch (random.Next(8))
            {
                case 0:
                    mayHold.Remove(it);
                    fold.Refused(it, RefusalReason.Full);
                    break;
                case 1:
                    mayHold.Remove(it);
                    fold.Unreachable(it, mayBeStored: false);
                    break;
                case 2:
                    fold.Unreachable(it, mayBeStored: true);
                    break;
                case 3:
                    fold.Refused(it, RefusalReason.BehindHorizon);
                    break;
                case 4:
                    fold.Acked(it, isDurable: false);
                    break;
                default:
                    Store(it, it);
                    fold.Acked(it, isDurable: true);
                    break;
            }

            if (first == WriteOutcome.Undecided) first = Check();
            if (random.Next(12) == 0) break;
        }

        fold.TimedOut();
        Assert.Equal(first == WriteOutcome.Undecided ? fold.Outcome : first, fold.Outcome);
        return Check();

        WriteOutcome Check()
        {
            var where = $"seed {seed}, {present} {next} up {up}: {fold.Outcome}, disks "
                + string.Join(' ', disks.Select(pair => $"{pair.Key}({string.Join(',', pair.Value)})"));
            var isBy = disks.Keys.Where(node => disks[node].Contains(node)).ToArray();
            var isReplicated = IsMet(present, isBy) && IsMet(next, isBy);
            switch (fold.Outcome)
            {
                case WriteOutcome.Succeeded when fold.IsByHints:
                    // W different disks have it for W different replicas.
                    Assert.True(isSloppy && disks.Count >= Math.Max(present.Needed, next.Needed), where);
                    break;
                case WriteOutcome.Succeeded:
                    Assert.True(isReplicated, where);
                    break;
                case WriteOutcome.Refused:
                    Assert.True(mayHold.Count == 0 || fold.Targets.IsEmpty, where);
                    Assert.Empty(disks);
                    Assert.True(fold.HintsWanted.IsEmpty, where);
                    break;
                default:
                    // Enough disks, and still no answer: only if it was decided before.
                    Assert.True(!isReplicated || fold.Outcome == first, where);
                    break;
            }

            return fold.Outcome;
        }
    }

    private static bool IsMet(QuorumSet set, IEnumerable<int> nodes) =>
        nodes.Count(set.Members.Contains) >= set.Needed;

    private static QuorumSet Draw(Random random)
    {
        var members = new ReplicaMask((ulong)random.Next(1, 64));
        return new QuorumSet(members, random.Next(1, members.Count + 1));
    }
}
