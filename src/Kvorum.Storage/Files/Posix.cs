using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Kvorum.Storage.Files;

/// <summary>
/// The system calls the base class library lacks or hides: .NET's own flush returns normally when the
/// kernel's fsync fails on Linux, and it knows neither fdatasync, nor the sync of a folder, nor large pages.
/// The only file with P/Invoke.
/// </summary>
internal static partial class Posix
{
    private const int Interrupted = 4;          // EINTR, the same on Linux and macOS
    private const int ReadOnlyCloseOnExec = 0x80000; // O_RDONLY | O_CLOEXEC on Linux
    private const int ReadOnlyCloseOnExecMac = 0x1000000;
    private const int Direct = 0x4000;          // O_DIRECT on Linux
    private const int DirectOnArm = 0x10000;
    private const int LargePagesOnLinux = 14;   // MADV_HUGEPAGE
    private const uint WriteBackOnly = 2;       // SYNC_FILE_RANGE_WRITE

    /// <summary>
    /// Makes the bytes and length of a file durable. An interrupted call is made again: the kernel reports a
    /// failed write-back once, and an interruption does not use that report up. Any other error is final.
    /// </summary>
    public static void SyncData(SafeFileHandle file, string path)
    {
        while (fdatasync(file) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
                throw Failure("fdatasync", path, error);
        }
    }

    /// <summary>
    /// Begins to write bytes of a file back, without waiting. The sync that follows reports any
    /// failure: the kernel keeps its report for that.
    /// </summary>
    public static void StartWriteBack(SafeFileHandle file, long offset, long bytes)
    {
        if (OperatingSystem.IsLinux())
            _ = sync_file_range(file, offset, bytes, WriteBackOnly);
    }

    /// <summary>
    /// Makes the names in a folder durable. A <see cref="NoResourcesException"/> if descriptors have run out:
    /// then no sync was tried.
    /// </summary>
    public static void SyncFolder(string path)
    {
        var flags = OperatingSystem.IsMacOS() ? ReadOnlyCloseOnExecMac : ReadOnlyCloseOnExec;
        int descriptor;
        while ((descriptor = open(path, flags)) < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (DiskErrors.KindOf(error) == DiskErrorKind.NoResources)
                throw new NoResourcesException($"{path}: {TextOf(error)}");
            if (error != Interrupted)
                throw Failure("open", path, error);
        }

        // The handle closes once: a failed close has released the descriptor too.
        using var folder = new SafeFileHandle(descriptor, ownsHandle: true);
        while (fsync(folder) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
                throw Failure("fsync", path, error);
        }
    }

    /// <summary>
    /// Opens a file for reads past the cache of pages; null if the system or the file system has no
    /// such reads.
    /// </summary>
    public static SafeFileHandle? OpenDirect(string path)
    {
        var isArm = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm;
        if (!OperatingSystem.IsLinux())
            return null;
        int descriptor;
        do
            descriptor = open(path, ReadOnlyCloseOnExec | (isArm ? DirectOnArm : Direct));
        while (descriptor < 0 && Marshal.GetLastPInvokeError() == Interrupted);
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>
    /// Asks for large pages for a piece of memory, so that random reads miss the TLB less. Only a hint: a
    /// system without large pages uses small ones.
    /// </summary>
    public static void AskForLargePages(nint start, nint bytes)
    {
        if (OperatingSystem.IsLinux())
            _ = madvise(start, bytes, LargePagesOnLinux);
    }

    /// <summary>The system's text for an error number.</summary>
    public static string TextOf(int error) => Marshal.GetPInvokeErrorMessage(error);

    private static IOException Failure(string call, string path, int error) =>
        new($"{path}: {call}: {TextOf(error)} (errno {error})");

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(SafeFileHandle file);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fdatasync(SafeFileHandle file);

    [LibraryImport("libc")]
    private static partial int sync_file_range(SafeFileHandle file, long offset, long bytes, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int madvise(nint start, nint length, int advice);
}
