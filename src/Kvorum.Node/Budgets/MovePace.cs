namespace Kvorum.Node.Budgets;

/// <summary>
/// Decides how much of the rate for checkpoints is used: writes of clients come first. While checkpoints
/// leave, the rate falls by half in each second in which the log takes much longer than it did without
/// them, and rises by an eighth of the bound in the others, as TCP does with a line (Jacobson 1988). A pure
/// decider, judged once a second by loop 0.
/// </summary>
/// <param name="bytesMax">The rate that an operator allows, in bytes a second; 0: no bound.</param>
internal sealed class MovePace(long bytesMax)
{
    private readonly long _most = bytesMax;

    // A sixteenth of the greatest rate, so that a move always ends.
    private readonly long _least = Math.Max(1, bytesMax / 16);
    private double? _calmMs;

    /// <summary>Bytes a second that may leave now.</summary>
    public long Rate { get; private set; } = bytesMax;

    /// <summary>A second has passed.</summary>
    /// <param name="logMs">How long its slow writes to the log took; null if there were none.</param>
    /// <param name="isSending">True while checkpoints leave this node.</param>
    public void Judge(long? logMs, bool isSending)
    {
        if (_most == 0)
            return;
        // Nobody writes, so nobody feels it.
        if (logMs is not { } took)
        {
            Rate = _most;
            return;
        }

        if (!isSending)
        {
            // Of the last half minute, about: a disk is not the same all day.
            _calmMs = _calmMs is { } before ? before + ((took - before) / 16) : took;
            Rate = Math.Max(_least, _most / 4);
            return;
        }

        var isFelt = _calmMs is { } usual && took > (1.5 * usual) + 1;
        Rate = isFelt ? Math.Max(_least, Rate / 2) : Math.Min(_most, Rate + (2 * _least));
    }
}
