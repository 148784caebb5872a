using System.Globalization;
using Kvorum.Tests.Verification.Harness;
using Kvorum.Verification;

namespace Kvorum.Tests.Verification;

/// <summary>
/// The checker beside its naive twin on small random histories, right ones and falsified ones; and alone on
/// long ones.
/// </summary>
public class RandomHistoryTests
{
    private static RandomHistory.Settings[] Small { get; } =
    [
        new(),
        new() { Versions = false },
        new() { UnknownShare = 0.6, Operations = 7 },
        new() { UnknownShare = 0.5, Versions = false },
        new() { DistinctValues = true, Clients = 4 },
        new() { AddShare = 0.6 },
        new() { AddShare = 0.9, Versions = false, UnknownShare = 0.5 },
    ];

    public static TheoryData<int> Kinds => [.. Enumerable.Range(0, Small.Length)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Agrees_with_its_naive_twin(int kind)
    {
        var (accepted, rejected) = (0, 0);
        for (var seed = 0; seed < 700; seed++)
        {
            var random = new Random((kind * 1_000_000) + seed);
            var falsehoods = seed % 3;
            var history = RandomHistory.Make(random, Small[kind], (operation, outcome) =>
                falsehoods > 0 && random.Next(3) == 0 && falsehoods-- > 0
                    ? Falsify(random, operation, outcome) : outcome);
            var expected = BruteForce.IsLinearizable(history);
            var result = LinearizabilityChecker.Check(history);
            Assert.True(expected == result.IsLinearizable,
                $"kind {kind}, seed {seed}: the twin says {expected}\n{History.Text(history.Operations)}");
            Assert.Empty(result.Undecided);
            if (expected)
                accepted++;
            else
                rejected++;
            if (seed % 3 == 0)
                Assert.True(expected, $"kind {kind}, seed {seed}: a correct store");
        }

        Assert.True(accepted > 150, $"{accepted} accepted");
        Assert.True(rejected > 60, $"{rejected} rejected");
    }

    /// <summary>A correct store is accepted, with versions and without, with many writers lost.</summary>
    [Theory]
    [InlineData(true, 0.05)]
    [InlineData(true, 0.5)]
    [InlineData(false, 0.02)]
    public void Ten_thousand_operations_of_ten_clients_on_one_key(bool versions, double unknownShare)
    {
        var settings = new RandomHistory.Settings
        {
            Operations = 10_000,
            Clients = 10,
            UnknownShare = unknownShare,
            Versions = versions,
            DistinctValues = true,
            WithoutVersionShare = 0,
        };
        for (var seed = 0; seed < 1; seed++)
        {
            var history = RandomHistory.Make(new Random(seed), settings);
            var result = LinearizabilityChecker.Check(history);
            Assert.True(result.IsLinearizable, string.Join('\n', result.Violations) + result.Undecided.Count);
        }
    }

    /// <summary>One wrong answer among two thousand right ones is found, and told in a few lines.</summary>
    [Fact]
    public void One_stale_read_among_two_thousand_operations()
    {
        var settings = new RandomHistory.Settings
        {
            Operations = 2_000,
            Clients = 10,
            UnknownShare = 0.05,
            DistinctValues = true,
            WithoutVersionShare = 0,
        };
        for (var seed = 0; seed < 2; seed++)
        {
            string? old = null;
            Operation? stale = null;
            var history = RandomHistory.Make(new Random(seed), settings, (operation, outcome) =>
            {
                var isRead = operation.Invocation.Kind == OperationKind.Get && outcome.Value is not null;
                if (isRead && operation.Id > 800)
                    old ??= outcome.Value;
                if (!isRead || operation.Id < 1200 || stale is not null)
                    return outcome;
                stale = operation;
                return Outcome.Found(old!);
            });
            var violation = Assert.Single(LinearizabilityChecker.Check(history).Violations);
            Assert.Contains(stale!, violation.Operations);
            var told = $"explains the answer at event {stale!.CompletedEvent}";
            Assert.Contains(told, violation.Text, StringComparison.Ordinal);
        }
    }

    /// <summary>Where values end, reads that are out of date or miss a value are found as the twin finds
    /// them.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]
    public void Agrees_with_its_naive_twin_about_ends(double unknownShare)
    {
        var (accepted, rejected) = (0, 0);
        var settings = new RandomHistory.Settings
        {
            DistinctValues = true,
            Ends = true,
            UnknownShare = unknownShare,
            WithoutVersionShare = 0,
            ReadShare = 0.6,
            Clients = 2,
            Operations = 8,
        };
        for (var seed = 0; seed < 700; seed++)
        {
            var random = new Random(seed);
            var seen = new List<Outcome> { Outcome.Absent };
            var history = RandomHistory.Make(random, settings, (operation, outcome) =>
            {
                if (operation.Invocation.Kind != OperationKind.Get)
                    return outcome;
                seen.Add(outcome);
                return seed % 3 > 0 && random.Next(2) == 0 ? seen[random.Next(seen.Count)] : outcome;
            });
            var expected = BruteForce.IsLinearizable(history);
            Assert.True(expected == LinearizabilityChecker.Check(history).IsLinearizable,
                $"seed {seed}: the twin says {expected}\n{History.Text(history.Operations)}");
            Assert.True(expected || seed % 3 > 0, $"seed {seed}: a correct store");
            (accepted, rejected) = expected ? (accepted + 1, rejected) : (accepted, rejected + 1);
        }

        Assert.True(accepted > 150, $"{accepted} accepted");
        Assert.True(rejected > 60, $"{rejected} rejected");
    }

    private static Outcome Falsify(Random random, Operation operation, Outcome outcome) =>
        random.Next(5) switch
        {
            0 when outcome.Value is not null =>
                outcome with { Value = random.Next(1, 5).ToString(CultureInfo.InvariantCulture) },
            1 when outcome.Version > 0 =>
                outcome with { Version = outcome.Version + (ulong)random.Next(1, 3) },
            2 when outcome.Version > 1 => outcome with { Version = outcome.Version - 1 },
            3 when operation.Invocation.Kind == OperationKind.Get => Outcome.Absent,
            _ when operation.Invocation.IfVersion is not null && outcome.Kind == OutcomeKind.Ok =>
                Outcome.Refused(outcome.Version),
            _ => operation.Invocation.Kind == OperationKind.Get ? Outcome.Found("3") : Outcome.Failed,
        };
}
