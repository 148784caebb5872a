using Kvorum.Tests.Verification.Harness;
using Kvorum.Verification;

namespace Kvorum.Tests.Verification;

public class DurabilityTests
{
    private readonly HistoryScript _script = new();

    [Fact]
    public void The_newest_acknowledged_write_is_there()
    {
        _script.Writes("a", 1);
        _script.Writes("b", 2);
        Accepts("b", 2);
        Rejects("a", 1);
        Rejects("a", 2);
        Rejects("b", 1);
        Rejects(null, 0);
    }

    [Fact]
    public void A_key_that_was_not_read()
    {
        _script.Writes("a", 1);
        var violation = Assert.Single(DurabilityChecker.Check(_script.History, []));
        Assert.Contains("not read", violation.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_newer_write_of_unknown_outcome_may_be_there()
    {
        _script.Writes("a", 1);
        _script.WritesInVain("b");
        Accepts("a", 1);
        Accepts("b", 5);
        Rejects("b", 1);
        Rejects("c", 5);
        Rejects(null, 0);
    }

    [Fact]
    public void A_failed_write_may_not()
    {
        _script.Writes("a", 1);
        _script.Ends(_script.Put("b"), Outcome.Failed);
        Rejects("b", 2);
    }

    [Fact]
    public void A_value_whose_life_has_ended_is_gone()
    {
        _script.Writes("a", 1);
        _script.Writes("b", 2);
        _script.Expires("a", 1);
        Rejects(null, 0);
        _script.Expires("b", 2);
        Accepts(null, 0);
    }

    [Fact]
    public void A_deleted_key_stays_so()
    {
        _script.Writes("a", 1);
        _script.Ends(_script.Delete(), Outcome.Written(2));
        Accepts(null, 0);
        Rejects("a", 1);
    }

    [Fact]
    public void A_delete_of_unknown_outcome_may_have_been()
    {
        _script.Writes("a", 1);
        _script.Ends(_script.Delete(), Outcome.Unknown);
        Accepts(null, 0);
        Accepts("a", 1);
    }

    [Fact]
    public void A_counter()
    {
        _script.Ends(_script.Add(2), Outcome.Found("2", 1));
        Accepts("2", 1);
        Rejects("3", 1);
        _script.Ends(_script.Add(2), Outcome.Unknown);
        Accepts("4", 2);
    }

    private void Accepts(string? value, ulong version) =>
        Assert.Empty(DurabilityChecker.Check(_script.History, [new("x", value, version)]));

    private void Rejects(string? value, ulong version) =>
        Assert.Single(DurabilityChecker.Check(_script.History, [new("x", value, version)]));
}
