using Kvorum.Quorum;

namespace Kvorum.Tests.Quorum;

/// <summary>
/// A change of replicas: every read sees every write acknowledged before, at any two stages.
/// </summary>
public class ReplicaChangeTests
{
    private static readonly ReplicaMask Old = ReplicaMask.Of(0, 1, 2);
    private static readonly ReplicaMask New = ReplicaMask.Of(0, 1, 3);

    [Fact]
    public void Goes_stage_by_stage()
    {
        var settings = QuorumSettings.Majority(3);
        var both = new ReplicaChange(ChangeStage.WriteBoth, Old, New);
        Assert.Equal(new QuorumSet(Old, 2), both.PresentWriters(2));
        Assert.Equal(new QuorumSet(New, 2), both.NextWriters(2));
        Assert.Equal(new QuorumSet(Old, 2), both.Readers(2));
        Assert.Equal(ReplicaMask.Of(3), both.ToFill);
        Assert.False(both.MayFill(settings, ReplicaMask.Of(0, 3)));
        Assert.True(both.MayFill(settings, ReplicaMask.Of(0, 2)));
        Assert.Equal(both, both.Advance(settings, Old, ReplicaMask.None));
        var read = both.Advance(settings, Old, ReplicaMask.Of(3));
        Assert.Equal(new ReplicaChange(ChangeStage.ReadNew, Old, New), read);
        Assert.Equal(new QuorumSet(New, 2), read.Readers(2));
        Assert.Equal(read, read.Advance(settings, ReplicaMask.Of(0), New));
        var settled = read.Advance(settings, ReplicaMask.Of(0, 1), default);
        Assert.Equal(ReplicaChange.Settled(New), settled);
        Assert.Equal(QuorumSet.None, settled.NextWriters(2));
        Assert.Equal(settled, settled.Advance(settings, New, New));
    }

    /// <summary>
    /// For all sets of replicas that answer, are silent, or are lost: the stages follow each other, and what
    /// fills the new replica has every acknowledged write that any replica still has.
    /// </summary>
    [Fact]
    public void It_can_end_if_enough_replicas_answer_or_are_lost()
    {
        var (can, cannot) = (0, 0);
        for (var n = 1; n <= 4; n++)
        {
            for (var quorums = 0; quorums < n * n; quorums++)
            {
                for (var away = 0UL; away < 1UL << (2 * n); away++)
                    CheckEnd(n, 1 + (quorums / n), 1 + (quorums % n), away);
            }
        }

        Assert.True(can > 1000 && cannot > 1000);

        // Two bits of each replica say that it is lost, and that it is silent.
        void CheckEnd(int n, int w, int r, ulong away)
        {
            var settings = new QuorumSettings { Replicas = n, WriteQuorum = w, ReadQuorum = r };
            var present = ReplicaMask.Below(n);
            var lost = new ReplicaMask(away) & present;
            var answering = present.Except(lost).Except(new(away >> n));
            var both = new ReplicaChange(
                ChangeStage.WriteBoth, present, ReplicaMask.Below(n - 1) | ReplicaMask.Of(n));
            var isFilled = lost != present && Subsets([.. Enumerable.Range(0, n)])
                .Where(write => write.Count == w && write.Overlaps(present.Except(lost)))
                .All(answering.Overlaps);
            var reads = both.Advance(
                settings, answering | lost, isFilled ? ReplicaMask.Of(n) : ReplicaMask.None);
            var isSettled = reads.Stage == ChangeStage.ReadNew
                && reads.Advance(settings, answering | lost, default).Stage == ChangeStage.Settled;
            Assert.Equal(isSettled, both.CanEnd(settings, answering, lost, filled: default));
            (can, cannot) = isSettled ? (can + 1, cannot) : (can, cannot + 1);
            var last = both with { Stage = ChangeStage.ReadNew };
            Assert.Equal(
                last.Advance(settings, answering | lost, default) != last,
                last.CanEnd(settings, answering, lost, filled: default));
        }
    }

    /// <summary>
    /// Each replica may be at any stage that the rule allows while one coordinator of any stage writes and
    /// another reads: all combinations.
    /// </summary>
    [Theory]
    [InlineData(2, 2)]
    [InlineData(3, 1)]
    [InlineData(1, 3)]
    public void Reads_see_writes_at_any_two_stages(int w, int r)
    {
        var settings = new QuorumSettings { Replicas = 3, WriteQuorum = w, ReadQuorum = r };
        ReplicaChange[] stages =
        [
            ReplicaChange.Settled(Old), new(ChangeStage.WriteBoth, Old, New),
            new(ChangeStage.ReadNew, Old, New), ReplicaChange.Settled(New),
        ];
        var combinations = 0;
        foreach (var at in AllPositions())
        {
            for (var pair = 0; pair < 16; pair++)
            {
                var (writer, reader) = (pair / 4, pair % 4);
                if (MayBeUnderWay(at, Math.Max(at.Max(), Math.Max(writer, reader))))
                    combinations += Check(at, writer, reader);
            }
        }

        Assert.True(combinations > 1000);

        // A stage begins only when the rule says so, whoever has heard of it.
        bool MayBeUnderWay(int[] at, int newest)
        {
            ReplicaMask Confirmed(int stage) =>
                ReplicaMask.Of([.. Enumerable.Range(0, 4).Where(node => at[node] >= stage)]);
            return (newest < 2 || stages[1].MayFill(settings, Confirmed(1)))
                && (newest < 3 || stages[2].Advance(settings, Confirmed(2), New) != stages[2]);
        }

        // Requests of older stages are refused by those that are further.
        int Check(int[] at, int writer, int reader)
        {
            var checks = 0;
            foreach (var write in Subsets([.. Enumerable.Range(0, 4).Where(node => at[node] <= writer)]))
            {
                if (!stages[writer].PresentWriters(w).IsMetBy(write)
                    || !stages[writer].NextWriters(w).IsMetBy(write))
                    continue;
                var readers = stages[reader].Readers(r);
                foreach (var read in Subsets([.. Enumerable.Range(0, 4).Where(node => at[node] <= reader)]))
                {
                    if (!readers.IsMetBy(read)) continue;
                    checks++;
                    Assert.True(
                        (read & readers.Members).Overlaps(write),
                        $"at {string.Join(',', at)}: {writer} writes to {write}, {reader} reads {read}");
                }
            }

            return checks;
        }
    }

    /// <summary>
    /// A new replica filled by the rule has every write that the old set alone acknowledged.
    /// </summary>
    [Fact]
    public void A_filled_replica_has_what_only_the_old_set_acknowledged()
    {
        var settings = QuorumSettings.Majority(3);
        var sources = new QuorumPromise(settings).SourcesToFill;
        foreach (var write in Subsets([0, 1, 2]).Where(set => set.Count >= 2))
            foreach (var from in Subsets([0, 1, 2]).Where(set => set.Count == sources))
                Assert.True(write.Overlaps(from));
    }

    private static IEnumerable<int[]> AllPositions() =>
        from a in Enumerable.Range(0, 4)
        from b in Enumerable.Range(0, 4)
        from c in Enumerable.Range(0, 4)
        from d in Enumerable.Range(0, 4)
        select new[] { a, b, c, d };

    private static IEnumerable<ReplicaMask> Subsets(int[] of) =>
        Enumerable.Range(1, (1 << of.Length) - 1).Select(bits =>
            ReplicaMask.Of([.. of.Where((_, index) => (bits >> index & 1) != 0)]));
}
