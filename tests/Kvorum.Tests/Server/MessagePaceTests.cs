using Kvorum.Server;

namespace Kvorum.Tests.Server;

public class MessagePaceTests
{
    [Fact]
    public void A_message_that_was_begun_and_does_not_go_on_is_too_slow_after_a_window()
    {
        var pace = new MessagePace();
        Assert.False(pace.IsTooSlow(1_000_000, true, 100, 0));
        Assert.False(pace.IsTooSlow(1_000_000 + MessagePace.WindowMs - 1, true, 101, 0));
        Assert.True(pace.IsTooSlow(1_000_000 + MessagePace.WindowMs, true, 102, 0));
    }

    [Fact]
    public void One_that_brings_enough_in_each_window_is_not()
    {
        var pace = new MessagePace();
        for (var n = 0; n < 10; n++)
            Assert.False(pace.IsTooSlow(n * MessagePace.WindowMs, true, n * MessagePace.WindowBytes, 0));
        Assert.True(pace.IsTooSlow(10 * MessagePace.WindowMs, true, (10 * MessagePace.WindowBytes) - 1, 0));
    }

    [Fact]
    public void Silence_between_messages_and_a_message_of_its_own_each_time_are_not()
    {
        var pace = new MessagePace();
        for (var n = 0; n < 10; n++)
            Assert.False(pace.IsTooSlow(n * MessagePace.WindowMs, n % 2 == 0, n, 0));
        for (var n = 0; n < 10; n++)
            Assert.False(pace.IsTooSlow(n * MessagePace.WindowMs, true, n, n));
    }
}
