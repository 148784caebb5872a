namespace Kvorum.Server.Machine;

/// <summary>The file descriptors of this process: Linux only.</summary>
internal static class OpenFiles
{
    /// <summary>
    /// The hard limit, to which the runtime raises the soft one; null if there is none, or none is known.
    /// </summary>
    public static long? Limit => OperatingSystem.IsLinux()
        ? ProcFiles.HardLimit(ProcFiles.Text("/proc/self/limits"), "Max open files") : null;

    /// <summary>How many are open now; 0 if that is not known.</summary>
    public static int Count()
    {
        try
        {
            return OperatingSystem.IsLinux() ? Directory.GetFileSystemEntries("/proc/self/fd").Length : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0; // There is none left to look with.
        }
    }
}
