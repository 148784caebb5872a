using Kvorum.Verification;

namespace Kvorum.Tests.Verification;

public class ConvergedRecordsTests
{
    private readonly History _history = new();

    [Fact]
    public void The_newest_acknowledged_write_is_there()
    {
        Write("b", 7);
        Write("a", 5);
        Accepts("b", 7);
        Rejects("a", 5, "is lost");
        Rejects("a", 7, "not what was written under its version");
        Rejects("a", 8, "has come back");
        Rejects(null, null, "there is no record");
    }

    [Fact]
    public void A_deleted_key_has_a_tombstone_or_nothing()
    {
        Write("a", 5);
        Delete(Outcome.Written(7));
        Accepts(null, 7);
        Accepts(null, null);
        Rejects("a", 8, "has come back");
        Rejects("a", 5, "is lost");
    }

    [Fact]
    public void A_write_of_unknown_outcome_may_be_there()
    {
        Write("a", 5);
        _history.Complete(_history.Invoke(Put("b")), Outcome.Unknown);
        Accepts("a", 5);
        Accepts("b", 9);
        Rejects("b", 4, "is lost");
        Rejects(null, 9, "has come back");
        Delete(Outcome.Unknown);
        Accepts(null, 9);
    }

    [Fact]
    public void A_value_with_an_end_may_have_been_collected()
    {
        _history.Complete(
            _history.Invoke(Put("a") with { Life = TimeSpan.FromSeconds(1) }), Outcome.Written(5));
        Accepts("a", 5);
        Accepts(null, null);
    }

    [Fact]
    public void A_repeat_brings_nothing_back_where_it_is_recognized()
    {
        _history.Complete(_history.Invoke(Put("a") with { Request = 1 }), Outcome.Written(5));
        Delete(Outcome.Written(7));
        _history.Complete(_history.Invoke(Put("a") with { Request = 1 }), Outcome.Unknown);
        Rejects("a", 9, "has come back");
        Assert.Empty(ConvergedRecordsChecker.Check(_history, [new("k", "a", 9)], knowsRepeats: false));
    }

    private static Invocation Put(string value) => new(1, OperationKind.Put, "k") { Value = value };

    private void Write(string value, ulong version) =>
        _history.Complete(_history.Invoke(Put(value)), Outcome.Written(version));

    private void Delete(in Outcome outcome) =>
        _history.Complete(_history.Invoke(new(2, OperationKind.Delete, "k")), outcome);

    private void Accepts(string? value, ulong? version) => Assert.Empty(Check(value, version));

    private void Rejects(string? value, ulong? version, string why) =>
        Assert.Contains(why, Assert.Single(Check(value, version)).Text, StringComparison.Ordinal);

    private IReadOnlyList<Violation> Check(string? value, ulong? version) => ConvergedRecordsChecker.Check(
        _history, version is null ? [] : [new("k", value, version)], knowsRepeats: true);
}
