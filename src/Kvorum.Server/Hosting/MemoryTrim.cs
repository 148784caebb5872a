namespace Kvorum.Server.Hosting;

/// <summary>
/// Gives memory back to the system after much traffic of large things: what they leave behind is garbage that
/// an idle process would keep for hours. Asked every few seconds, by one thread at a time.
/// </summary>
internal sealed class MemoryTrim(TrafficRoom traffic)
{
    // An eighth of what each room may hold. Less is not worth a collection of everything.
    private readonly long _much = traffic.Replies.Options.BytesMax / 8;
    private bool _isDue;

    /// <summary>Collects once, when there was much and now is little.</summary>
    public void Look()
    {
        _isDue |= Math.Max(traffic.Replies.TakePeak(), traffic.Requests.TakePeak()) >= _much;
        var isQuiet = traffic.Replies.Taken + traffic.Requests.Taken < _much / 4;
        if (!_isDue || !isQuiet)
            return;
        _isDue = false;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }
}
