namespace Kvorum.Storage.Log;

/// <summary>
/// The log on disk cannot be used as it is and was left unchanged; the message names file, offset and remedy.
/// </summary>
public sealed class LogDamagedException(string message) : IOException(message);
