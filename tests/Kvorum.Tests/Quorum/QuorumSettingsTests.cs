using Kvorum.Protocol;
using Kvorum.Quorum;

namespace Kvorum.Tests.Quorum;

/// <summary>Settings, quorums of requests, and promises that are compared with all that can happen.</summary>
public class QuorumSettingsTests
{
    [Theory]
    [InlineData(3, 2, 2, null)]
    [InlineData(1, 1, 1, null)]
    [InlineData(64, 64, 64, null)]
    [InlineData(0, 1, 1, "The number of replicas is 0: use 1 to 64, usually 3.")]
    [InlineData(65, 1, 1, "The number of replicas is 65: use 1 to 64, usually 3.")]
    [InlineData(3, 4, 2, "The write quorum is 4, and there are 3 replicas: use 1 to 3.")]
    [InlineData(3, 0, 2, "The write quorum is 0, and there are 3 replicas: use 1 to 3.")]
    [InlineData(3, 2, 4, "The read quorum is 4, and there are 3 replicas: use 1 to 3.")]
    public void Faults_name_value_and_remedy(int n, int w, int r, string? fault)
    {
        var settings = new QuorumSettings { Replicas = n, WriteQuorum = w, ReadQuorum = r };
        Assert.Equal(fault, settings.Fault());
        if (fault is not null)
            Assert.Equal(fault, Assert.Throws<ArgumentException>(settings.Validate).Message);
    }

    [Theory]
    [InlineData("one", 1, null)]
    [InlineData("ONE", 1, null)]
    [InlineData("quorum", 3, null)]
    [InlineData("ALL", 5, null)]
    [InlineData("4", 4, null)]
    [InlineData("6", 6, "The write quorum is 6, and there are 5 replicas: use 1 to 5.")]
    [InlineData("0", 0, "The write quorum is 0, and there are 5 replicas: use 1 to 5.")]
    public void A_request_may_ask_for_a_quorum_of_its_own(string text, int count, string? fault)
    {
        var level = Assert.NotNull(QuorumLevel.ParseOrNull(text));
        var isValid = QuorumSettings.Majority(5).TryOverride(
            level.Of(5), null, out var settings, out var why);
        Assert.Equal(fault is null, isValid);
        Assert.Equal(fault ?? "", why);
        Assert.Equal(count, settings.WriteQuorum);
        Assert.Equal(3, settings.ReadQuorum);
    }

    [Theory]
    [InlineData("")]
    [InlineData("two")]
    [InlineData("-1")]
    [InlineData("1.0")]
    [InlineData("254")]
    public void What_is_no_level_is_none(string text) => Assert.Null(QuorumLevel.ParseOrNull(text));

    [Fact]
    public void Without_an_override_the_settings_are_the_same_object()
    {
        var settings = QuorumSettings.Majority(3);
        Assert.True(settings.TryOverride(null, null, out var same, out _));
        Assert.Same(settings, same);
    }

    /// <summary>
    /// Each promise against every set of replicas that could acknowledge, answer, or be lost.
    /// </summary>
    [Fact]
    public void Promises_hold_for_all_sets_of_replicas()
    {
        for (var n = 1; n <= 5; n++)
        {
            for (var w = 1; w <= n; w++)
            {
                for (var r = 1; r <= n; r++) CheckPromise(n, w, r);
            }
        }
    }

    private static void CheckPromise(int n, int w, int r)
    {
        var promise = new QuorumPromise(
            new QuorumSettings { Replicas = n, WriteQuorum = w, ReadQuorum = r });
        var writes = SetsOf(n, w).ToArray();
        var reads = SetsOf(n, r).ToArray();
        Assert.Equal(
            writes.All(write => reads.All(read => (write & read) != 0)),
            promise.ReadsSeeAcknowledgedWrites);
        Assert.Equal(writes.All(a => writes.All(b => (a & b) != 0)), promise.WritesMeet);
        Assert.Equal(!promise.WritesMeet, promise.BothSidesWritable);
        for (var lost = 0; lost <= n; lost++)
        {
            Assert.Equal(
                writes.All(write => SetsOf(n, lost).All(gone => (write & ~gone) != 0)),
                lost <= promise.DisksLostWithoutLoss);
            Assert.Equal(
                SetsOf(n, lost).All(away => writes.Any(write => (write & away) == 0)),
                lost <= promise.AwayForWrites);
            Assert.Equal(
                SetsOf(n, lost).All(away => reads.Any(read => (read & away) == 0)),
                lost <= promise.AwayForReads);
        }

        // Replica 0 lost its disk. Filled from any so many others it has what survived of each write.
        bool IsFilled(int sources) => SetsOf(n, sources).Where(set => (set & 1) == 0)
            .All(set => writes.Where(write => (write & ~1UL) != 0).All(write => (write & set) != 0));
        if (n == 1) return;
        Assert.True(IsFilled(promise.SourcesToFill));
        // With W = 1 what replica 0 alone had is lost with it, and no number of sources is too many.
        if (w > 1 && promise.SourcesToFill > 1) Assert.False(IsFilled(promise.SourcesToFill - 1));
    }

    /// <summary>
    /// What explain prints: for each number of lost replicas, w: writes go on, r: reads do, a: acknowledged
    /// writes are kept, k: repaired ones are.
    /// </summary>
    [Theory]
    [InlineData(3, 2, 2, false, 3, "wrak wrak ---k ----")]
    [InlineData(3, 3, 1, false, 3, "wrak -rak -rak ----")]
    [InlineData(3, 1, 1, false, 3, "wrak wr-k wr-k ----")]
    [InlineData(3, 1, 3, false, 3, "wrak w--k w--k ----")]
    [InlineData(5, 3, 2, false, 9, "wrak wrak wrak -r-k ---k ----")]
    [InlineData(1, 1, 1, false, 1, "wrak ----")]
    [InlineData(3, 2, 2, true, 3, "wrak wrak ---k ----")]
    [InlineData(3, 2, 2, true, 5, "wrak wrak w--k w---")]
    public void Losses_are_told_by_their_number(
        int n, int w, int r, bool isSloppy, int members, string expected)
    {
        var settings = new QuorumSettings
        {
            Replicas = n,
            WriteQuorum = w,
            ReadQuorum = r,
            IsSloppy = isSloppy,
        };
        var losses = new QuorumPromise(settings).Losses(members);
        Assert.Equal(Enumerable.Range(0, n + 1), losses.Select(static one => one.Lost));
        Assert.Equal(expected, string.Join(' ', losses.Select(Letters)));
    }

    private static string Letters(ReplicaLoss loss) =>
        (loss.WritesGoOn ? "w" : "-") + (loss.ReadsGoOn ? "r" : "-")
        + (loss.KeepsAcknowledged ? "a" : "-") + (loss.KeepsRepaired ? "k" : "-");

    [Fact]
    public void A_sloppy_keyspace_promises_less()
    {
        var promise = new QuorumPromise(QuorumSettings.Majority(3) with { IsSloppy = true });
        Assert.False(promise.ReadsSeeAcknowledgedWrites);
        Assert.False(promise.WritesMeet);
        Assert.True(promise.BothSidesWritable);
        Assert.Equal(1, promise.DisksLostWithoutLoss);
    }

    [Fact]
    public void The_promise_in_words() => Assert.Equal(
        [
            "Each record is kept by 3 nodes. A write is acknowledged when it is on the disks of 2, a read "
                + "when 2 answered.",
            "A read sees every write acknowledged before it began, because 2 + 2 > 3.",
            "Acknowledged writes survive the loss of 1 disk at once.",
            "Once repair has brought a write to all 3 replicas, it survives the loss of 2 disks.",
            "Writes go on while 1 of a record's replicas is away, reads while 1 of a record's "
                + "replicas is away.",
            "At most one side of a network split can take writes for a key.",
            "Of two concurrent writes of a key the one with the higher version wins; the other is "
                + "superseded.",
        ],
        new QuorumPromise(QuorumSettings.Majority(3)).Sentences());

    private static IEnumerable<ulong> SetsOf(int n, int size)
    {
        for (var bits = 0UL; bits < 1UL << n; bits++)
        {
            if (new ReplicaMask(bits).Count == size) yield return bits;
        }
    }
}
