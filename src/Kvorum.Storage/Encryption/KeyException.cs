namespace Kvorum.Storage.Encryption;

/// <summary>
/// A file is encrypted, and not with a key that is at hand. No damage: the message names the file, the key
/// and what to do, and nothing is changed, least of all rebuilt.
/// </summary>
public sealed class KeyException(string message) : IOException(message)
{
    /// <summary>What to do where no master key was given.</summary>
    public const string GiveKey = "Nothing was changed. Give the master key: --master-key-file or "
        + "--master-key-command, or the variable MASTER_KEY_FILE.";

    /// <summary>A key's number as people see it.</summary>
    public static string NameOf(ulong key) => $"{key:x16}";

    /// <summary>A file needs a key, and the process has none.</summary>
    internal static KeyException Missing(string path, ulong key) =>
        new($"{path} is encrypted with data key {NameOf(key)}, and no master key was given. {GiveKey}");

    /// <summary>The checksum says that the bytes are as they were, and the key does not fit.</summary>
    internal static KeyException Forged(string path, long offset, ulong key) => new(
        $"{path}: the checksum of the bytes at offset {offset} is right, and they are not what data key "
        + $"{NameOf(key)} has encrypted: the file comes from another folder, or was forged. Nothing was "
        + "changed. Put the node's own file back; without a copy replace the node (kvorum node replace).");
}
