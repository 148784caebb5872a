namespace Kvorum.Node.Budgets;

/// <summary>
/// Decides how much of the rate for checkpoints is used: writes of clients come first. While checkpoints
/// leave, the rate falls by half in each second in which the log or the clients' writes take much longer than
/// they did without them, and rises by a sixteenth of the bound in the others, as TCP does with a line
/// (Jacobson 1988). The log tells of a busy disk, also to a node that no client asks; the writes tell of busy
/// processors, too: slow ones of what the slowest clients wait, their mean of how many requests are served,
/// for clients that wait for an answer before they ask again. A pure decider, judged once a second by loop 0.
/// </summary>
/// <param name="bytesMax">The rate that an operator allows, in bytes a second; 0: no bound.</param>
internal sealed class MovePace(long bytesMax)
{
    private readonly long _most = bytesMax;

    // A sixteenth of the greatest rate, so that a move always ends.
    private readonly long _least = Math.Max(1, bytesMax / 16);
    private readonly Usual _log = new();
    private readonly Usual _slowWrites = new();
    private readonly Usual _meanWrites = new();

    /// <summary>Bytes a second that may leave now.</summary>
    public long Rate { get; private set; } = bytesMax;

    /// <summary>A second has passed.</summary>
    /// <param name="logMs">How long its slow writes to the log took; null if there were none.</param>
    /// <param name="writes">How long its writes of clients took; null if there were none.</param>
    /// <param name="isSending">True while checkpoints leave this node.</param>
    public void Judge(long? logMs, Waits? writes, bool isSending)
    {
        if (_most == 0)
            return;
        // Nobody writes, so nobody feels it.
        if (logMs is null && writes is null)
        {
            Rate = _most;
            return;
        }

        if (!isSending)
        {
            _log.Learn(logMs);
            _slowWrites.Learn(writes?.SlowMs);
            _meanWrites.Learn(writes?.MeanMs);
            Rate = Math.Max(_least, _most / 4);
            return;
        }

        var isFelt = _log.IsExceeded(logMs, 1.5, 1) || _slowWrites.IsExceeded(writes?.SlowMs, 1.5, 1)
            || _meanWrites.IsExceeded(writes?.MeanMs, 1.25, 0.25);
        Rate = isFelt ? Math.Max(_least, Rate / 2) : Math.Min(_most, Rate + _least);
    }

    /// <summary>What something takes while no checkpoints leave.</summary>
    private sealed class Usual
    {
        private double? _ms;

        // Of the last half minute, about: a disk is not the same all day. What was worse before is forgotten
        // sooner, or a burst of writes would count as usual for the move that follows it.
        public void Learn(double? tookMs)
        {
            if (tookMs is { } took)
                _ms = _ms is { } before ? before + ((took - before) / (took < before ? 4 : 16)) : took;
        }

        public bool IsExceeded(double? tookMs, double times, double plusMs) =>
            _ms is { } usual && tookMs > (times * usual) + plusMs;
    }
}
