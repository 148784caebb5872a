namespace Kvorum.Storage.Lsm;

/// <summary>Damage found in a tree's file; the message names the file and the remedy.</summary>
public sealed class TreeDamagedException(string message) : IOException(message)
{
    /// <summary>
    /// True if the file is whole, and only too new for this version: nothing may replace it.
    /// </summary>
    public bool IsTooNew { get; init; }
}
