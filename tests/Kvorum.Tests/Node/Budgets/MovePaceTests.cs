using Kvorum.Node.Budgets;

namespace Kvorum.Tests.Node.Budgets;

public class MovePaceTests
{
    private const long Max = 64_000;
    private readonly MovePace _pace = new(Max);

    [Fact]
    public void A_move_begins_slowly_and_goes_faster_while_nobody_feels_it()
    {
        Seconds(10, 4, isSending: false);
        Assert.Equal(Max / 4, _pace.Rate);
        Seconds(3, 5, isSending: true);
        Assert.Equal((Max / 4) + (3 * Max / 16), _pace.Rate);
        Seconds(100, 5, isSending: true);
        Assert.Equal(Max, _pace.Rate);
    }

    [Fact]
    public void Where_writes_take_longer_it_gives_way_by_halves_and_never_stops()
    {
        Seconds(10, 4, isSending: false);
        Seconds(100, 4, isSending: true);
        Seconds(1, 20, isSending: true);
        Assert.Equal(Max / 2, _pace.Rate);
        Seconds(100, 20, isSending: true);
        Assert.Equal(Max / 16, _pace.Rate);
        Seconds(1, 4, isSending: true);
        Assert.Equal(2 * Max / 16, _pace.Rate);
    }

    [Fact]
    public void Where_nobody_writes_it_takes_all()
    {
        Assert.Equal(Max, _pace.Rate);
        Seconds(10, 4, isSending: false);
        Seconds(1, null, isSending: true);
        Assert.Equal(Max, _pace.Rate);
    }

    [Theory]
    [InlineData(4L)]
    [InlineData(null)]
    public void It_gives_way_where_clients_wait_longer_though_the_log_is_as_fast_as_ever(long? logMs)
    {
        for (var n = 0; n < 10; n++)
            _pace.Judge(logMs, new(10, 4), isSending: false);
        for (var n = 0; n < 100; n++)
            _pace.Judge(logMs, new(16, 4), isSending: true);
        Assert.Equal(Max, _pace.Rate);
        _pace.Judge(logMs, new(17, 4), isSending: true);
        Assert.Equal(Max / 2, _pace.Rate);
    }

    [Fact]
    public void It_gives_way_where_fewer_are_served_though_the_slowest_wait_as_ever()
    {
        for (var n = 0; n < 10; n++)
            _pace.Judge(4, new(10, 4), isSending: false);
        for (var n = 0; n < 100; n++)
            _pace.Judge(4, new(10, 5.2), isSending: true);
        Assert.Equal(Max, _pace.Rate);
        _pace.Judge(4, new(10, 5.3), isSending: true);
        Assert.Equal(Max / 2, _pace.Rate);
    }

    [Fact]
    public void A_burst_of_writes_before_the_move_is_soon_forgotten()
    {
        Seconds(30, 40, isSending: false);
        Seconds(15, 4, isSending: false);
        Seconds(100, 4, isSending: true);
        Assert.Equal(Max, _pace.Rate);
        Seconds(1, 8, isSending: true);
        Assert.Equal(Max / 2, _pace.Rate);
    }

    [Fact]
    public void Without_a_bound_there_is_no_pace()
    {
        var unbounded = new MovePace(0);
        unbounded.Judge(5, new(5, 5), isSending: true);
        Assert.Equal(0, unbounded.Rate);
    }

    private void Seconds(int count, long? logMs, bool isSending)
    {
        for (var n = 0; n < count; n++)
            _pace.Judge(logMs, null, isSending);
    }
}
