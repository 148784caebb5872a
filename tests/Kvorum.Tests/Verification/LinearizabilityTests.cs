using Kvorum.Tests.Verification.Harness;
using Kvorum.Verification;

namespace Kvorum.Tests.Verification;

/// <summary>Histories made by hand, good and bad, each with the name of what it shows.</summary>
public class LinearizabilityTests
{
    private readonly HistoryScript _script = new();

    [Fact]
    public void Nothing_is_linearizable() => Accepts();

    [Fact]
    public void One_after_the_other()
    {
        _script.Reads(null);
        _script.Writes("a", 3);
        _script.Reads("a", 3);
        _script.Ends(_script.Delete(), Outcome.Written(5));
        _script.Reads(null);
        Accepts();
    }

    [Fact]
    public void A_read_during_a_write_sees_either()
    {
        _script.Writes("a", 1);
        var put = _script.Put("b", client: 2);
        _script.Reads("a", 1);
        _script.Reads("b", 2);
        _script.Ends(put, Outcome.Written(2));
        Accepts();
    }

    [Fact]
    public void A_stale_read()
    {
        _script.Writes("a");
        _script.Writes("b");
        _script.Reads("a");
        Rejects("client 1   get x -> ok \"a\"");
    }

    [Fact]
    public void A_stale_read_of_a_version()
    {
        _script.Writes("a", 1);
        _script.Writes("a", 2);
        _script.Reads("a", 1);
        Rejects("version 1");
    }

    [Fact]
    public void Reads_that_go_back()
    {
        _script.Writes("a");
        var put = _script.Put("b", client: 2);
        _script.Reads("b");
        _script.Reads("a");
        _script.Ends(put, Outcome.Written());
        Rejects("\"a\"");
    }

    [Fact]
    public void A_value_is_there_until_its_life_ends()
    {
        _script.Writes("a", 1);
        _script.Reads("a", 1);
        _script.Expires("a", 1);
        _script.Reads(null);
        _script.Writes("b", 2);
        _script.Expires("a", 1);
        _script.Reads("b", 2);
        Accepts();
    }

    [Fact]
    public void A_value_after_the_end_of_its_life()
    {
        _script.Writes("a", 1);
        _script.Expires("a", 1);
        _script.Reads("a", 1);
        Rejects("\"a\"");
    }

    [Fact]
    public void A_value_that_is_gone_before_the_end_of_its_life()
    {
        _script.Writes("a", 1);
        _script.Reads(null);
        _script.Expires("a", 1);
        Rejects("absent");
    }

    [Fact]
    public void The_end_of_an_earlier_life_takes_no_later_value()
    {
        _script.Writes("a", 1);
        _script.Writes("b", 2);
        _script.Expires("a", 1);
        _script.Reads(null);
        Rejects("absent");
    }

    [Fact]
    public void What_ends_has_been_written()
    {
        var put = _script.Put("a");
        _script.Expires("a", 1);
        _script.Reads("a", 1);
        _script.Ends(put, Outcome.Written(1));
        Rejects("\"a\"");
    }

    [Fact]
    public void A_write_at_the_end_of_a_life_finds_nothing()
    {
        _script.Writes("a", 1);
        var put = _script.Put("b", client: 2, ifVersion: 0, previous: true);
        _script.Expires("a", 1);
        _script.Ends(put, Outcome.Written(2));
        _script.Reads("b", 2);
        Accepts();
    }

    [Fact]
    public void A_lost_update()
    {
        _script.Writes("a", 1);
        var one = _script.Put("b", client: 1, ifVersion: 1);
        var two = _script.Put("c", client: 2, ifVersion: 1);
        _script.Ends(one, Outcome.Written(2));
        _script.Ends(two, Outcome.Written(3));
        Rejects("if version 1");
    }

    [Fact]
    public void Of_two_updates_one_is_refused()
    {
        _script.Writes("a", 1);
        var one = _script.Put("b", client: 1, ifVersion: 1);
        var two = _script.Put("c", client: 2, ifVersion: 1);
        _script.Ends(one, Outcome.Refused(3));
        _script.Ends(two, Outcome.Written(3));
        Accepts();
    }

    [Fact]
    public void A_refusal_of_what_was_done()
    {
        _script.Writes("a", 1);
        _script.Ends(_script.Put("b", ifVersion: 1), Outcome.Refused(2));
        _script.Reads("b", 2);
        Rejects("refused, version 2");
    }

    [Fact]
    public void A_refusal_for_no_reason()
    {
        _script.Writes("a", 1);
        _script.Ends(_script.Put("b", ifVersion: 1), Outcome.Refused(1));
        Rejects("refused, version 1");
    }

    [Fact]
    public void A_condition_on_absence()
    {
        _script.Ends(_script.Put("a", ifVersion: 0), Outcome.Written(1));
        _script.Ends(_script.Put("b", ifVersion: 0), Outcome.Refused(1));
        _script.Ends(_script.Delete(ifVersion: 1), Outcome.Written(2));
        _script.Ends(_script.Delete(ifVersion: 1), Outcome.Refused(0));
        _script.Ends(_script.Put("b", ifVersion: 0), Outcome.Written(3));
        Accepts();
    }

    [Fact]
    public void An_unknown_write_that_is_never_seen()
    {
        _script.Writes("a");
        _script.WritesInVain("b");
        _script.Reads("a");
        Accepts();
    }

    [Fact]
    public void An_unknown_write_that_appears_late()
    {
        _script.Writes("a", 1);
        _script.WritesInVain("b");
        _script.Reads("a", 1);
        _script.Writes("c", 2);
        _script.Reads("c", 2);
        _script.Reads("b", 9);
        Accepts();
    }

    [Fact]
    public void An_unknown_write_that_appears_and_is_gone()
    {
        _script.Writes("a");
        _script.WritesInVain("b");
        _script.Reads("b");
        _script.Reads("a");
        Rejects("\"a\"");
    }

    [Fact]
    public void An_unknown_write_that_appears_twice()
    {
        _script.WritesInVain("b");
        _script.Reads("b", 1);
        _script.Writes("c", 2);
        _script.Reads("b", 3);
        Rejects("version 3");
    }

    [Fact]
    public void An_unknown_write_under_too_small_a_version()
    {
        _script.Writes("a", 5);
        _script.WritesInVain("b");
        _script.Reads("b", 4);
        Rejects("version 4");
    }

    [Fact]
    public void A_failed_write_that_is_seen()
    {
        _script.Ends(_script.Put("a"), Outcome.Failed);
        _script.Reads("a");
        Rejects("\"a\"");
    }

    [Fact]
    public void A_pending_write_may_be_seen_and_not_before_it_was_asked()
    {
        _script.Put("a", client: 2);
        _script.Reads("a");
        Accepts();
        _script.Reads("b");
        _script.Put("b", client: 3);
        Rejects("\"b\"");
    }

    [Fact]
    public void An_unknown_delete()
    {
        _script.Writes("a", 1);
        _script.Ends(_script.Delete(), Outcome.Unknown);
        _script.Reads("a", 1);
        _script.Reads(null);
        Accepts();
        _script.Reads("a", 1);
        Rejects("\"a\"");
    }

    [Fact]
    public void Two_unknown_deletes_happen_twice_and_not_three_times()
    {
        _script.Ends(_script.Delete(), Outcome.Unknown);
        _script.Ends(_script.Delete(), Outcome.Unknown);
        for (var n = 1; n <= 2; n++)
        {
            _script.Writes("a");
            _script.Reads(null);
        }

        Accepts();
        _script.Writes("a");
        _script.Reads(null);
        Rejects("absent");
    }

    [Fact]
    public void Unknown_writes_in_a_chain()
    {
        _script.Ends(_script.Put("a", ifVersion: 0), Outcome.Unknown);
        _script.Ends(_script.Put("b", ifVersion: 7), Outcome.Unknown);
        _script.Reads("b", 8);
        Accepts();
    }

    [Fact]
    public void A_refusal_by_a_write_that_nobody_heard_of()
    {
        _script.WritesInVain("a");
        _script.WritesInVain("b");
        _script.Ends(_script.Put("c", ifVersion: 0), Outcome.Refused(4));
        _script.Ends(_script.Put("c", ifVersion: 4), Outcome.Written(5));
        Accepts();
        _script.Ends(_script.Put("d", ifVersion: 0), Outcome.Refused(6));
        Accepts();
        _script.Ends(_script.Put("d", ifVersion: 0), Outcome.Refused(7));
        Rejects("version 7");
    }

    [Fact]
    public void The_previous_value()
    {
        _script.Ends(_script.Put("a", previous: true), Outcome.Written(1));
        _script.Ends(_script.Put("b", previous: true), Outcome.Written(2, "a"));
        _script.Ends(_script.Delete(previous: true), Outcome.Written(3, "b"));
        Accepts();
        _script.Ends(_script.Delete(previous: true), Outcome.Written(4, "b"));
        Rejects("previous \"b\"");
    }

    [Fact]
    public void Versions_that_fall()
    {
        _script.Writes("a", 2);
        _script.Writes("b", 1);
        Rejects("version 1");
    }

    [Fact]
    public void A_counter()
    {
        _script.Ends(_script.Add(2), Outcome.Found("2"));
        _script.Ends(_script.Add(3), Outcome.Unknown);
        _script.Ends(_script.Add(1), Outcome.Written());
        _script.Reads("3");
        _script.Reads("6");
        Accepts();
        _script.Reads("9");
        Rejects("\"9\"");
    }

    [Fact]
    public void Keys_are_checked_one_by_one()
    {
        _script.Writes("a", 1);
        _script.Ends(_script.Get(key: "y"), Outcome.Absent);
        Accepts();
        _script.Ends(_script.Get(key: "y"), Outcome.Found("a", 1));
        var violation = Assert.Single(LinearizabilityChecker.Check(_script.History).Violations);
        Assert.Equal("y", violation.Key);
    }

    [Fact]
    public void The_counter_example_ends_at_the_first_answer_that_nothing_explains()
    {
        for (var version = 1UL; version <= 100; version++)
            _script.Writes($"v{version}", version);
        var bad = _script.Get(client: 7);
        _script.Ends(bad, Outcome.Found("v42", 42));
        for (var version = 101UL; version <= 200; version++)
            _script.Writes($"v{version}", version);
        _script.Reads("v1", 1);

        var violation = Assert.Single(LinearizabilityChecker.Check(_script.History).Violations);
        string[] told =
        [
            $"no order of the operations on x explains the answer at event {bad.CompletedEvent}",
            "Before it the key could hold: \"v100\", version 100.",
            "its first 101 operations",
            "put x = \"v42\" -> ok, version 42",
        ];
        Assert.All(told, part => Assert.Contains(part, violation.Text, StringComparison.Ordinal));
        Assert.Contains(bad, violation.Operations);
        Assert.True(violation.Operations.Count < 30);
        Assert.DoesNotContain(violation.Operations, operation => operation.InvokedEvent > bad.CompletedEvent);
    }

    [Fact]
    public void A_search_without_end_is_given_up()
    {
        for (var client = 0; client < 40; client++)
            _script.Put($"v{client}", client);
        foreach (var put in _script.History.Operations.ToArray())
            _script.Ends(put, Outcome.Written());
        _script.Reads("never written");
        var result = LinearizabilityChecker.Check(_script.History, configurationsMax: 1000);
        Assert.Equal(["x"], result.Undecided);
        Assert.Empty(result.Violations);
        Assert.False(result.IsLinearizable);
    }

    [Fact]
    public void An_operation_ends_once()
    {
        var put = _script.Put("a");
        _script.Ends(put, Outcome.Unknown);
        Assert.Throws<InvalidOperationException>(() => _script.Ends(put, Outcome.Unknown));
        Assert.Throws<InvalidOperationException>(() => new HistoryScript().Ends(put, Outcome.Unknown));
    }

    private void Accepts()
    {
        var result = LinearizabilityChecker.Check(_script.History);
        Assert.True(result.IsLinearizable, string.Join('\n', result.Violations));
        Assert.True(BruteForce.IsLinearizable(_script.History));
    }

    private void Rejects(string told)
    {
        var violation = Assert.Single(LinearizabilityChecker.Check(_script.History).Violations);
        var failing = violation.Text.Split('\n')[1];
        Assert.Contains(told, failing, StringComparison.Ordinal);
        Assert.False(BruteForce.IsLinearizable(_script.History));
    }
}
