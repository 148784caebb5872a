using Kvorum.Node.Events;

namespace Kvorum.Node.Leaderless;

/// <summary>
/// Tells the operator of timestamps that are too far ahead of this node's clock: somewhere a clock is wrong.
/// Owned by the loop of the hints.
/// </summary>
/// <param name="offsetMaxMs">How far ahead they may be.</param>
/// <param name="tell">Told of an event.</param>
internal sealed class ClockAlarm(long offsetMaxMs, Action<NodeEvent> tell)
{
    private long _known;
    private long _told;
    private long? _refusedMs;
    private long? _toldMs;

    /// <summary>What an operator should know; null if nothing was refused lately.</summary>
    public string? HealthIssue(long nowMs) => _refusedMs is { } last && nowMs - last < Limits.ClockAlarmMs
        ? NodeEventText.Of(new TimestampsRefused(_known, offsetMaxMs)) : null;

    /// <summary>So many were refused since the start.</summary>
    public void Judge(long nowMs, long refused)
    {
        if (refused > _known)
            (_known, _refusedMs) = (refused, nowMs);
        if (_known == _told || nowMs - _toldMs < Limits.ClockAlarmMs)
            return;
        (_told, _toldMs) = (_known, nowMs);
        tell(new TimestampsRefused(_known, offsetMaxMs));
    }
}
