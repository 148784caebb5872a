namespace Kvorum.Node.Budgets;

/// <summary>
/// Decides how much of the rate for checkpoints is used: writes of clients come first. While checkpoints
/// leave, the rate falls by half in each second in which the log takes much longer than it did without them,
/// and rises slowly in the others, as TCP does with a line (Jacobson 1988). A pure decider, judged once a
/// second by loop 0.
/// </summary>
/// <param name="bytesMax">The rate that an operator allows, in bytes a second; 0: no bound.</param>
internal sealed class MovePace(long bytesMax)
{
    // A sixteenth of the greatest rate, so that a move always ends.
    private readonly long _least = Math.Max(1, bytesMax / 16);
    private double? _calmMs;

    /// <summary>Bytes a second that may leave now.</summary>
    public long Rate { get; private set; } = bytesMax / 8;

    /// <summary>A second has passed.</summary>
    /// <param name="logMs">How long its slow writes to the log took; null if there were none.</param>
    /// <param name="isSending">True while checkpoints leave this node.</param>
    public void Judge(long? logMs, bool isSending)
    {
        if (bytesMax == 0)
            return;
        if (!isSending)
        {
            // Of the last half minute, about: a disk is not the same all day.
            if (logMs is { } calm)
                _calmMs = _calmMs is { } before ? before + ((calm - before) / 16) : calm;
            Rate = Math.Max(_least, bytesMax / 8);
            return;
        }

        var isFelt = logMs is { } took && _calmMs is { } usual && took > (1.5 * usual) + 1;
        Rate = isFelt ? Math.Max(_least, Rate / 2) : Math.Min(bytesMax, Rate + _least);
    }
}
