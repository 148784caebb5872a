namespace Kvorum.Server;

/// <summary>
/// Judges whether a message that has begun goes on coming: over each window it must bring a least number of
/// bytes, or come to its end. A pure decider, asked every now and then.
/// </summary>
internal struct MessagePace
{
    /// <summary>Over how long it is judged.</summary>
    public const long WindowMs = 5000;

    /// <summary>What must come in a window.</summary>
    public const long WindowBytes = TrafficRoom.BytesPerSecondMin * WindowMs / 1000;

    private long _sinceMs;
    private long _receivedThen;
    private long _messagesThen;
    private bool _hadBegun;

    /// <summary>True if the message that has begun comes too slowly.</summary>
    /// <param name="nowMs">The time.</param>
    /// <param name="hasBegun">Some of a message is here, and more of it is waited for.</param>
    /// <param name="received">Bytes received since ever.</param>
    /// <param name="messages">Whole messages received since ever.</param>
    public bool IsTooSlow(long nowMs, bool hasBegun, long received, long messages)
    {
        var isOther = !hasBegun || !_hadBegun || messages != _messagesThen;
        if (!isOther && nowMs - _sinceMs < WindowMs)
            return false;
        var isTooSlow = !isOther && received - _receivedThen < WindowBytes;
        (_sinceMs, _receivedThen, _messagesThen, _hadBegun) = (nowMs, received, messages, hasBegun);
        return isTooSlow;
    }
}
