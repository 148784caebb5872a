using Kvorum.Storage.Files;

namespace Kvorum.Storage.Lsm;

/// <summary>
/// Damage found in a tree's file; the message names the file and the remedy. Unreadable bytes count as
/// damaged, like bytes with a wrong checksum.
/// </summary>
/// <param name="what">Which file is damaged, where, and how.</param>
/// <param name="remedy">What the operator has to do if the node does not repair it.</param>
/// <param name="cause">The error of the read; null if the file can be read but is wrong.</param>
public sealed class TreeDamagedException(string what, string remedy = "", Exception? cause = null)
    : IOException(remedy.Length == 0 ? what : $"{what} {remedy}", cause)
{
    /// <summary>
    /// Which file is damaged, where, and how, without the remedy: for damage that the node repairs itself.
    /// </summary>
    public string What => what;

    /// <summary>
    /// True if the file is whole but was written by a newer version: it must not be replaced.
    /// </summary>
    public bool IsTooNew { get; init; }

    /// <summary>True if the disk of this node could not read the file.</summary>
    public bool IsUnreadable => InnerException is not null;

    /// <summary>
    /// True if an error in reading a tree's file means that the file is damaged. False for this exception
    /// itself, and for errors of another cause, such as a lack of descriptors.
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
