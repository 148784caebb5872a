namespace Kvorum.Storage.Log;

/// <summary>
/// The log on disk cannot be used as it is and was left unchanged; the message names file, offset and remedy.
/// </summary>
public sealed class LogDamagedException(string message) : IOException(message)
{
    /// <summary>True if the log is whole but was written by a newer version.</summary>
    public bool IsTooNew { get; init; }

    /// <summary>The entries that the log may have lost; null if not determined.</summary>
    public LogLosses? Losses { get; internal set; }
}
