using Kvorum.Client;
using Kvorum.Protocol;
using Kvorum.Tests.Protocol;

namespace Kvorum.Tests.Client;

public class RetryStateTests
{
    private static readonly AnswerKind[] NoReply =
        [AnswerKind.NotSent, AnswerKind.Lost, AnswerKind.TimedOut];

    [Fact]
    public void Every_kind_of_request_is_repeated_only_where_the_table_allows_it()
    {
        foreach (var request in EveryRequest.Full.Concat(EveryRequest.About("k")))
        {
            foreach (var status in Enum.GetValues<ReplyStatus>().Where(static s => s != ReplyStatus.Ok))
            {
                var course = new RetryState(request, TimeSpan.FromSeconds(1));
                var failure = FailureOf(ref course, new(AnswerKind.Reply, new() { Status = status }));
                var asks = $"{status} of {request.Kind}";
                if (failure is not null)
                {
                    Assert.Equal((asks, status), (asks, failure.Status));
                    Assert.Equal(
                        (asks, RetryTable.AdviceOf(status, request)), (asks, failure.Retry));
                }
                else
                {
                    Assert.True(RetryTable.MayRepeat(status, request), asks);
                    Assert.Equal(
                        (asks, RetryTable.AdviceOf(status, request)), (asks, course.TimeUp().Retry));
                }
            }
        }
    }

    [Fact]
    public void A_read_whose_time_ran_out_is_repeated_and_a_write_without_ids_is_not()
    {
        foreach (var request in EveryRequest.About("k"))
        {
            var course = new RetryState(request, TimeSpan.FromSeconds(1));
            var failure = FailureOf(
                ref course, new(AnswerKind.Reply, new() { Status = ReplyStatus.DeadlineExceeded }));
            Assert.Equal((request.Kind, request.IsWrite), (request.Kind, failure is not null));
        }
    }

    [Fact]
    public void A_missing_answer_is_taken_like_the_reply_that_says_as_much()
    {
        foreach (var request in EveryRequest.Full.Concat(EveryRequest.About("k")))
        {
            foreach (var kind in NoReply)
            {
                var course = new RetryState(request, TimeSpan.FromSeconds(1));
                var failure = FailureOf(ref course, new(kind, Reason: "why"));
                Assert.Equal(
                    (kind, request.Kind, kind == AnswerKind.NotSent || request.IsSafeToRepeat),
                    (kind, request.Kind, failure is null));
                Assert.Equal(
                    (kind, kind != AnswerKind.NotSent && request.IsWrite ? RetryAdvice.SameIds
                        : RetryAdvice.Safe),
                    (kind, (failure ?? course.TimeUp()).Retry));
            }
        }
    }

    private static KvorumException? FailureOf(ref RetryState course, Answer answer)
    {
        try
        {
            Assert.False(course.IsDone(answer, null!));
            return null;
        }
        catch (KvorumException failure)
        {
            return failure;
        }
    }
}
