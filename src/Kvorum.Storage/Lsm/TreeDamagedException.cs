using Kvorum.Storage.Files;

namespace Kvorum.Storage.Lsm;

/// <summary>
/// Damage found in a tree's file; the message names the file and the remedy. Bytes that cannot be read are
/// damaged like those whose checksum is wrong.
/// </summary>
/// <param name="what">Which file is damaged, where, and how.</param>
/// <param name="remedy">What to do where nothing mends it by itself.</param>
/// <param name="cause">Why the file cannot be read; null if it can be, and is wrong.</param>
public sealed class TreeDamagedException(string what, string remedy = "", Exception? cause = null)
    : IOException(remedy.Length == 0 ? what : $"{what} {remedy}", cause)
{
    /// <summary>Which file is damaged, where, and how: for whom the node mends it itself.</summary>
    public string What => what;

    /// <summary>
    /// True if the file is whole, and only too new for this version: nothing may replace it.
    /// </summary>
    public bool IsTooNew { get; init; }

    /// <summary>True if the disk of this node could not read the file.</summary>
    public bool IsUnreadable => InnerException is not null;

    /// <summary>
    /// True if an error in reading a tree's file means that the file is damaged; not if it is one already, or
    /// if nothing is wrong with the file.
    /// </summary>
    internal static bool IsMeantBy(IOException error) =>
        error is not TreeDamagedException && DiskErrors.KindOf(error) == DiskErrorKind.Lasting;

    /// <summary>The damage that an error in reading a file is, with the byte if it is known.</summary>
    internal static TreeDamagedException Unreadable(string path, string remedy, IOException error)
    {
        var at = error is DiskReadException read ? $" at byte {read.Offset}" : "";
        return new($"{path} is damaged{at}: it cannot be read: {DiskErrors.TextOf(error)}.", remedy, error);
    }
}
