using Kvorum.Protocol;

namespace Kvorum.Tests.Protocol;

public class RetryTableTests
{
    private static readonly ReplyStatus[] Unknown =
    [
        ReplyStatus.DeadlineExceeded, ReplyStatus.OutcomeUnknown, ReplyStatus.Cancelled, ReplyStatus.Internal,
    ];

    private static readonly ReplyStatus[] NothingDone =
    [
        ReplyStatus.NotLeader, ReplyStatus.Unavailable, ReplyStatus.Overloaded, ReplyStatus.OutOfSpace,
        ReplyStatus.ShuttingDown,
    ];

    [Fact]
    public void Every_status_has_its_advice_for_every_request()
    {
        foreach (var request in EveryRequest.Full.Concat(EveryRequest.About("k")))
        {
            foreach (var status in Enum.GetValues<ReplyStatus>())
            {
                var advice = RetryTable.AdviceOf(status, request);
                var expected = Unknown.Contains(status) && request.IsWrite ? RetryAdvice.SameIds
                    : Unknown.Contains(status) || NothingDone.Contains(status) ? RetryAdvice.Safe
                    : RetryAdvice.Never;
                Assert.Equal((status, request.Kind, expected), (status, request.Kind, advice));
            }
        }
    }

    [Fact]
    public void A_read_that_failed_may_always_be_repeated() => Assert.All(
        EveryRequest.Full.OfType<ReadRequest>(),
        static read => Assert.All(
            Unknown.Concat(NothingDone), status => Assert.True(RetryTable.MayRepeat(status, read))));

    [Fact]
    public void A_write_of_unknown_outcome_may_be_repeated_only_with_its_ids()
    {
        Assert.All(Unknown, status =>
        {
            Assert.All(
                EveryRequest.Full.OfType<WriteRequest>(),
                write => Assert.True(RetryTable.MayRepeat(status, write)));
            Assert.All(
                EveryRequest.About("k").OfType<WriteRequest>(),
                write => Assert.False(RetryTable.MayRepeat(status, write)));
        });
        Assert.All(NothingDone, status => Assert.All(
            EveryRequest.About("k"), request => Assert.True(RetryTable.MayRepeat(status, request))));
    }

    [Fact]
    public void What_was_decided_is_never_repeated() => Assert.All(
        Enum.GetValues<ReplyStatus>().Except(Unknown).Except(NothingDone),
        static status => Assert.All(
            EveryRequest.Full, request => Assert.False(RetryTable.MayRepeat(status, request))));

    [Fact]
    public void Advice_has_these_names_on_the_wires() => Assert.Equal(
        ["never", "safe", "same-ids"], Enum.GetValues<RetryAdvice>().Select(RetryTable.NameOf));
}
