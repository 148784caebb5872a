using Kvorum.Protocol;
using Kvorum.Simulator.Workloads;
using Kvorum.Verification;

namespace Kvorum.Tests.Simulator.Workloads;

/// <summary>What clients write down of a request whose attempts are writes of their own.</summary>
public class RecordedRequestTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(1);
    private readonly History _history = new();

    /// <summary>
    /// The attempt that was not answered got a later version than the one that was: it is seen before the
    /// client hears of either.
    /// </summary>
    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    public void Another_attempt_may_be_seen_since_the_request_was_asked(bool isOtherOpen, int wrong)
    {
        var delete = Begin(
            new DeleteRequest { Key = "k"u8.ToArray() }, new(1, OperationKind.Delete, "k") { Request = 7 });
        var put = Begin(
            new PutRequest { Key = "k"u8.ToArray(), Value = "v"u8.ToArray() },
            new(2, OperationKind.Put, "k") { Value = "v" });
        put.End(static _ => Outcome.Written(5), isOtherOpen: false, default);
        var read = Begin(new GetRequest { Key = "k"u8.ToArray() }, new(3, OperationKind.Get, "k"));
        read.End(static _ => Outcome.Absent, isOtherOpen: false, default);
        delete.End(static _ => Outcome.Written(4), isOtherOpen, default);
        Assert.Equal(wrong, RegularRegisterChecker.Check(_history, Bound).Count);
    }

    [Fact]
    public void What_was_not_tried_twice_did_not_happen_twice()
    {
        Begin(
            new PutRequest { Key = "k"u8.ToArray(), Value = "v"u8.ToArray() },
            new(1, OperationKind.Put, "k") { Value = "v" })
            .End(static _ => Outcome.Written(5), isOtherOpen: false, default);
        Assert.Empty(ConvergedRecordsChecker.Check(_history, [new("k", "v", 5)], knowsRepeats: true));
        Assert.Single(ConvergedRecordsChecker.Check(_history, [new("k", "v", 6)], knowsRepeats: true));
    }

    private RecordedRequest Begin(Request request, Invocation invocation) =>
        new(_history, new(request, invocation), hasAttempts: true, default);
}
