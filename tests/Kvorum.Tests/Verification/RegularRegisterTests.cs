using Kvorum.Verification;

namespace Kvorum.Tests.Verification;

public class RegularRegisterTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(10);
    private readonly History _history = new();

    [Fact]
    public void A_read_shows_the_acknowledged_write_or_a_newer_one()
    {
        Write("a", 5);
        Write("b", 7);
        Read("b", 7);
        Accepts();
        Read("a", 5);
        Rejects("misses an acknowledged write");
    }

    [Fact]
    public void A_write_that_was_asked_first_and_acknowledged_later_may_lose()
    {
        Write("b", 7);
        Write("a", 5);
        Read("b", 7);
        Accepts();
    }

    [Fact]
    public void While_a_write_is_under_way_both_may_be_seen_again_and_again()
    {
        Write("a", 5);
        var open = Ask(Put("b"));
        Read("b", 7);
        Read("a", 5);
        _history.Complete(open, Outcome.Written(7));
        Accepts();
        Read("a", 5);
        Rejects("misses an acknowledged write");
    }

    [Fact]
    public void Nothing_is_seen_only_after_a_delete_that_may_be_newer()
    {
        Write("a", 5);
        Read(null, 0);
        Rejects("shows nothing");
    }

    [Fact]
    public void A_delete_that_is_newer_or_not_known_explains_nothing_and_an_older_one_does_not()
    {
        Write("a", 5);
        _history.Complete(Ask(new(1, OperationKind.Delete, "k")), Outcome.Written(4));
        Read(null, 0);
        Rejects("shows nothing");
        _history.Complete(Ask(new(1, OperationKind.Delete, "k")), Outcome.Unknown);
        Read(null, 0);
        Assert.Single(RegularRegisterChecker.Check(_history, Bound));
    }

    [Fact]
    public void A_value_with_an_end_is_gone_no_earlier_than_clocks_may_be_wrong()
    {
        var put = Put("a") with { Life = TimeSpan.FromSeconds(30) };
        _history.Complete(_history.Invoke(put, TimeSpan.FromSeconds(100)), Outcome.Written(5));
        Read(null, 0, at: 121);
        Accepts();
        Read(null, 0, at: 119);
        Rejects("shows nothing");
    }

    [Fact]
    public void What_was_refused_or_never_written_is_not_seen()
    {
        _history.Complete(Ask(Put("a")), Outcome.Failed);
        Read("a", 5);
        Rejects("said not to have happened");
        Read("c", 6);
        Assert.Contains(
            RegularRegisterChecker.Check(_history, Bound),
            static one => one.Text.Contains("never written", StringComparison.Ordinal));
    }

    [Fact]
    public void A_repeat_is_answered_as_the_first_time_and_brings_no_value_back()
    {
        _history.Complete(Ask(Put("a") with { Request = 1 }), Outcome.Written(5));
        _history.Complete(Ask(Put("a") with { Request = 1 }), Outcome.Written(5));
        Accepts();
        Read("a", 8);
        Rejects("another version than was acknowledged");
        _history.Complete(Ask(Put("a") with { Request = 1 }), Outcome.Written(9));
        Assert.Contains(
            RegularRegisterChecker.Check(_history, Bound),
            static one => one.Text.Contains("answered with another version", StringComparison.Ordinal));
    }

    [Fact]
    public void A_request_with_an_attempt_that_was_not_answered_may_have_two_versions()
    {
        var put = Put("a") with { Request = 1 };
        var last = Ask(put);
        _history.Complete(Ask(put), Outcome.Unknown);
        _history.Complete(last, Outcome.Written(5));
        Read("a", 8);
        Accepts();
    }

    private static Invocation Put(string value) => new(1, OperationKind.Put, "k") { Value = value };

    private Operation Ask(in Invocation invocation) => _history.Invoke(invocation);

    private void Write(string value, ulong version) =>
        _history.Complete(Ask(Put(value)), Outcome.Written(version));

    private void Read(string? value, ulong version, int at = 0)
    {
        var moment = TimeSpan.FromSeconds(at);
        _history.Complete(
            _history.Invoke(new(2, OperationKind.Get, "k"), moment),
            value is null ? Outcome.Absent : Outcome.Found(value, version), moment);
    }

    private void Accepts() => Assert.Empty(RegularRegisterChecker.Check(_history, Bound));

    private void Rejects(string why) => Assert.Contains(
        why, Assert.Single(RegularRegisterChecker.Check(_history, Bound)).Text, StringComparison.Ordinal);
}
