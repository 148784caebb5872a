using Kvorum.Tests.Verification.Harness;
using Kvorum.Verification;

namespace Kvorum.Tests.Verification;

public class ExactlyOnceTests
{
    private readonly HistoryScript _script = new();

    [Fact]
    public void Each_value_has_its_version()
    {
        _script.Writes("a", 1);
        _script.Reads("a", 1);
        _script.Writes("b", 2);
        _script.Reads("b", 2);
        Accepts();
    }

    [Fact]
    public void A_value_under_a_second_version()
    {
        _script.Writes("a", 1);
        _script.Reads("a", 3);
        Rejects("\"a\" was set once");
    }

    [Fact]
    public void A_value_of_unknown_outcome_under_two_versions()
    {
        _script.WritesInVain("a");
        _script.Reads("a", 1);
        Accepts();
        _script.Reads("a", 3);
        Rejects("\"a\" was set once");
    }

    [Fact]
    public void A_value_that_two_requests_set_may_have_two_versions()
    {
        _script.Writes("a", 1);
        _script.Writes("a", 2);
        _script.Reads("a", 2);
        Accepts();
    }

    [Fact]
    public void A_version_of_two_requests()
    {
        _script.Writes("a", 1);
        _script.Writes("b", 1);
        Rejects("version 1 was given to two");
    }

    [Fact]
    public void A_request_that_is_asked_twice_has_one_version()
    {
        _script.Ends(_script.Put("a", request: 7), Outcome.Written(1));
        _script.Ends(_script.Put("a", request: 7), Outcome.Written(1));
        Accepts();
        _script.Ends(_script.Put("a", request: 7), Outcome.Written(2));
        Rejects("one request was given two versions");
    }

    [Fact]
    public void A_sum_that_is_too_large_or_too_small()
    {
        _script.Ends(_script.Add(2, request: 1), Outcome.Written());
        _script.Ends(_script.Add(2, request: 1), Outcome.Written());
        _script.Ends(_script.Add(3, request: 2), Outcome.Unknown);
        _script.Reads("2");
        _script.Reads("5");
        Accepts();
        _script.Reads("7");
        Rejects("at least 2 and at most 5");
    }

    [Fact]
    public void A_sum_that_misses_an_answered_addition()
    {
        _script.Ends(_script.Add(2), Outcome.Written());
        _script.Reads(null);
        Rejects("at least 2 and at most 2");
    }

    private void Accepts() => Assert.Empty(ExactlyOnceChecker.Check(_script.History));

    private void Rejects(string told) => Assert.Contains(
        ExactlyOnceChecker.Check(_script.History),
        violation => violation.Text.Contains(told, StringComparison.Ordinal));
}
