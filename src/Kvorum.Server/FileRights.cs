namespace Kvorum.Server;

/// <summary>
/// Who may touch files of a node, by their modes. Where there are none (Windows), and where they cannot be
/// read, nothing is said: the code that opens the file reports the error.
/// </summary>
internal static class FileRights
{
    private const UnixFileMode OthersRead = UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
    private const UnixFileMode OthersWrite = UnixFileMode.OtherWrite;

    /// <summary>
    /// Why a private key is not taken; null if it is. A group may read it: of a secret's volume, or of those
    /// who may use the machine's certificates.
    /// </summary>
    public static string? WhyNoSecret(string path) =>
        Has(path, OthersRead | OthersWrite | UnixFileMode.GroupWrite)
            ? "others than its owner and group may read it, or others than its owner write it: chmod 600 it"
            : null;

    /// <summary>Why a data folder is not taken; null if it is.</summary>
    public static string? WhyNoDataFolder(string path) => Has(path, OthersWrite)
        ? "every user of this machine may write to it: chmod 700 it" : null;

    /// <summary>What is unwise about a data folder; null if nothing is.</summary>
    public static string? WhyUnwiseDataFolder(string path) => Has(path, OthersRead)
        ? "every user of this machine may look into it; the files in it are private: chmod 700 it" : null;

    private static bool Has(string path, UnixFileMode any)
    {
        try
        {
            return !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & any) != 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
