namespace Kvorum.Simulator.World;

/// <summary>
/// Simulated time and what will happen in it: a heap of events, earliest first, those of one moment in the
/// order in which they were planned. Nothing happens between events, so time jumps from one to the next.
/// </summary>
internal sealed class Scheduler
{
    private Planned[] _heap = new Planned[256];
    private int _count;
    private long _planned;

    /// <summary>Microseconds since the run began.</summary>
    public long NowUs { get; private set; }

    /// <summary>Events that have happened.</summary>
    public long Happened { get; private set; }

    /// <summary>Plans an event; a moment that is past means now.</summary>
    public void At(long timeUs, Action what)
    {
        if (_count == _heap.Length)
            Array.Resize(ref _heap, _count * 2);
        var item = new Planned(Math.Max(timeUs, NowUs), _planned++, what);
        var at = _count++;
        for (int parent; at > 0 && item.IsBefore(_heap[parent = (at - 1) / 2]); at = parent)
            _heap[at] = _heap[parent];
        _heap[at] = item;
    }

    /// <summary>Plans an event so long from now.</summary>
    public void After(long delayUs, Action what) => At(NowUs + delayUs, what);

    /// <summary>Lets the next event happen; false if there is none up to the given moment.</summary>
    public bool RunNext(long untilUs)
    {
        if (_count == 0 || _heap[0].TimeUs > untilUs)
            return false;
        var next = _heap[0];
        SinkLast();
        NowUs = next.TimeUs;
        Happened++;
        next.What();
        return true;
    }

    private void SinkLast()
    {
        var item = _heap[--_count];
        _heap[_count] = default;
        var at = 0;
        while ((at * 2) + 1 is var child && child < _count)
        {
            if (child + 1 < _count && _heap[child + 1].IsBefore(_heap[child]))
                child++;
            if (!_heap[child].IsBefore(item))
                break;
            _heap[at] = _heap[child];
            at = child;
        }

        if (_count > 0)
            _heap[at] = item;
    }

    private readonly record struct Planned(long TimeUs, long Order, Action What)
    {
        public bool IsBefore(in Planned other) =>
            TimeUs < other.TimeUs || (TimeUs == other.TimeUs && Order < other.Order);
    }
}
