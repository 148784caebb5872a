using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Kvorum.Cli.OwnProcess;

/// <summary>
/// Keeps a large managed heap in large pages, so that the other nodes hear soon of this one's death. The
/// kernel takes a killed process's memory apart before it closes its connections: for 1.5 GB in small pages
/// that takes 60 to 110 ms, in large ones under 20. The runtime makes its heap usable in pieces that are too
/// small for the kernel to choose large pages by itself. One pass after the other takes a few milliseconds,
/// so that the node's own work hardly waits.
/// </summary>
internal static partial class HeapPages
{
    // MADV_COLLAPSE of Linux, since 6.1. It takes no notice of what an operator has chosen: that is asked.
    private const int Collapse = 25;
    private const int NotKnown = 22; // EINVAL
    private const nint PageBytes = 2 << 20;
    private const string Choice = "/sys/kernel/mm/transparent_hugepage/enabled";
    private const string Mappings = "/proc/self/maps";

    // Less is soon taken apart.
    private const long LeastBytes = 256 << 20;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan PassMax = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Begins, on a thread of its own, until the process ends; where the system has no large pages, or is
    /// not to use them, nothing happens.
    /// </summary>
    public static void KeepLarge()
    {
        if (!IsWanted())
            return;
        var thread = new Thread(Keep)
        {
            IsBackground = true,
            Name = "large pages",
            Priority = ThreadPriority.Lowest,
        };
        thread.Start();
    }

    /// <summary>True if this system has large pages and may use them.</summary>
    public static bool IsWanted()
    {
        try
        {
            return OperatingSystem.IsLinux()
                && !File.ReadAllText(Choice).Contains("[never]", StringComparison.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>The addresses of the whole large pages in this memory.</summary>
    public static IEnumerable<nint> Pages(nint start, nint end)
    {
        for (var at = (start + PageBytes - 1) & -PageBytes; at + PageBytes <= end; at += PageBytes)
            yield return at;
    }

    /// <summary>
    /// Puts what lies at the address of a large page into one, unless it is in use otherwise just now: then
    /// it is left for the next time. False if this kernel cannot.
    /// </summary>
    public static bool Join(nint page) =>
        Advise(page, PageBytes, Collapse) == 0 || Marshal.GetLastPInvokeError() != NotKnown;

    /// <summary>
    /// The pieces that can be written to of the anonymous mappings, without a gap between them, that an
    /// address is in.
    /// </summary>
    /// <param name="mappings">Lines of <c>/proc/self/maps</c>.</param>
    /// <param name="address">The address.</param>
    public static IReadOnlyList<(nint Start, nint End)> PiecesAround(
        IEnumerable<string> mappings, nint address)
    {
        List<(nint Start, nint End)> pieces = [];
        (nint Start, nint End) run = default;
        foreach (var line in mappings)
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words is not [var range, var rights, _, _, _])
                continue; // It has a name: a file, or a stack.
            var dash = range.IndexOf('-', StringComparison.Ordinal);
            var (start, end) = (Address(range.AsSpan(0, dash)), Address(range.AsSpan(dash + 1)));
            if (start != run.End)
            {
                if (run.Start <= address && address < run.End)
                    break;
                pieces.Clear();
                run.Start = start;
            }

            run.End = end;
            if (rights == "rw-p")
                pieces.Add((start, end));
        }

        return run.Start <= address && address < run.End ? pieces : [];
    }

    private static nint Address(ReadOnlySpan<char> text) =>
        nint.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static void Keep()
    {
        // It never moves, so it shows where the heap is.
        var inHeap = GC.AllocateUninitializedArray<byte>(1, pinned: true);
        var next = default(nint);
        try
        {
            while (Pass(Marshal.UnsafeAddrOfPinnedArrayElement(inHeap, 0), ref next))
                Thread.Sleep(Pause);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Small pages do as well.
        }
    }

    // Goes on where the last one ended; false if this kernel cannot.
    private static bool Pass(nint inHeap, ref nint next)
    {
        if (GC.GetGCMemoryInfo(GCKind.Any).TotalCommittedBytes < LeastBytes)
            return true;
        var (begun, from, isUnable) = (Stopwatch.GetTimestamp(), next, true);
        foreach (var page in PiecesAround(File.ReadLines(Mappings), inHeap)
                     .SelectMany(static piece => Pages(piece.Start, piece.End))
                     .SkipWhile(page => page < from))
        {
            isUnable &= !Join(page);
            next = page + PageBytes;
            if (Stopwatch.GetElapsedTime(begun) > PassMax)
                return !isUnable;
        }

        next = 0;
        return !isUnable || from > 0;
    }

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int Advise(nint start, nint length, int advice);
}
