using Kvorum.Cli.OwnProcess;

namespace Kvorum.Tests.Cli.OwnProcess;

public class WakeModeChooserTests
{
    private static readonly ThreadTimes Good = new(1_000_000, 3_000_000, 1000);
    private static readonly ThreadTimes Bad = new(1_000_000, 9_000_000, 1000);
    private readonly WakeModeChooser _chooser = new();

    [Fact]
    public void Threads_queue_as_long_as_it_costs_them_little()
    {
        Assert.Equal(WakeMode.Queue, _chooser.Mode);
        Assert.Equal(0, PeriodsOfInterrupting(Good));
    }

    [Fact]
    public void Too_few_slices_say_nothing() =>
        Assert.Equal(0, PeriodsOfInterrupting(Bad with { Slices = 19 }));

    [Fact]
    public void They_interrupt_for_a_while_when_they_waited_long_and_longer_each_time()
    {
        var periods = Enumerable.Range(0, 8).Select(_ => PeriodsOfInterrupting(Bad));
        Assert.Equal([20, 40, 80, 160, 320, 640, 1200, 1200], periods);
    }

    [Fact]
    public void Ten_good_minutes_make_it_short_again()
    {
        PeriodsOfInterrupting(Bad);
        for (var i = 0; i < 1199; i++)
            _chooser.Observe(Good);
        Assert.Equal(40, PeriodsOfInterrupting(Bad));
        for (var i = 0; i < 1200; i++)
            _chooser.Observe(Good);
        Assert.Equal(20, PeriodsOfInterrupting(Bad));
    }

    // What is seen while they interrupt does not matter: it is no measure of what queueing would cost.
    private int PeriodsOfInterrupting(ThreadTimes first)
    {
        _chooser.Observe(first);
        var periods = 0;
        for (; _chooser.Mode == WakeMode.Interrupt; periods++)
            _chooser.Observe(Bad);
        return periods;
    }
}
