namespace Kvorum.Storage.Log;

/// <summary>
/// The log on disk cannot be used as it is and was left unchanged; the message names file, offset and remedy.
/// </summary>
public sealed class LogDamagedException(string message) : IOException(message)
{
    /// <summary>True if the log is whole, and only too new for this version.</summary>
    public bool IsTooNew { get; init; }

    /// <summary>What the log may have lost; null where that was not looked for.</summary>
    public LogLosses? Losses { get; internal set; }
}
