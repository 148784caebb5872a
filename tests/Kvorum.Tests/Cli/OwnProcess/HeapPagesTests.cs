using System.Globalization;
using System.Runtime.InteropServices;
using Kvorum.Cli.OwnProcess;

namespace Kvorum.Tests.Cli.OwnProcess;

public unsafe class HeapPagesTests
{
    private const int PageBytes = 2 << 20;

    private static readonly string[] Maps =
    [
        "1000-2000 rw-p 00000000 00:00 0",
        "4000-5000 rw-p 00000000 00:00 0",
        "5000-6000 ---p 00000000 00:00 0",
        "6000-8000 rw-p 00000000 00:00 0",
        "8000-9000 rw-p 00000000 fe:00 77 /usr/lib/libc.so.6",
        "9000-a000 rw-p 00000000 00:00 0",
        "a000-b000 rw-p 00000000 00:00 0 [heap]",
    ];

    [Fact]
    public void The_pieces_of_the_heap_are_those_without_a_gap_around_an_address()
    {
        Assert.Equal([(0x4000, 0x5000), (0x6000, 0x8000)], HeapPages.PiecesAround(Maps, 0x5010));
        Assert.Equal([(0x4000, 0x5000), (0x6000, 0x8000)], HeapPages.PiecesAround(Maps, 0x7fff));
        Assert.Equal([(0x1000, 0x2000)], HeapPages.PiecesAround(Maps, 0x1000));
        Assert.Equal([(0x9000, 0xa000)], HeapPages.PiecesAround(Maps, 0x9000));
        Assert.Empty(HeapPages.PiecesAround(Maps, 0x3000));
        Assert.Empty(HeapPages.PiecesAround(Maps, 0x8000));
        Assert.Empty(HeapPages.PiecesAround(Maps, 0xb000));
    }

    [Fact]
    public void What_the_heap_holds_is_put_into_large_pages()
    {
        Assert.SkipUnless(HeapPages.IsWanted(), "this system has no large pages, or is not to use them");
        var bytes = (byte*)NativeMemory.AlignedAlloc(4 * PageBytes, PageBytes);
        try
        {
            for (var at = 0; at < 4 * PageBytes; at++)
                bytes[at] = (byte)(at % 251);
            var isAble = HeapPages.Pages((nint)bytes + 1, (nint)bytes + (4 * PageBytes))
                .Select(HeapPages.Join).ToArray().Contains(true);
            Assert.SkipUnless(isAble, "this kernel cannot");
            // The first one is not there as a whole.
            Assert.InRange(LargeKiBAt((nint)bytes), 3 * PageBytes / 1024, int.MaxValue);
            for (var at = 0; at < 4 * PageBytes; at++)
                Assert.True(bytes[at] == (byte)(at % 251));
        }
        finally
        {
            NativeMemory.AlignedFree(bytes);
        }
    }

    // Of the mapping that the address is in.
    private static int LargeKiBAt(nint address) =>
        File.ReadLines("/proc/self/smaps").SkipWhile(line => !Has(line, address))
            .Where(static line => line.StartsWith("AnonHugePages:", StringComparison.Ordinal))
            .Select(static line => int.Parse(
                line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture))
            .First();

    private static bool Has(string line, nint address)
    {
        var bounds = line.Split(' ')[0].Split('-');
        return bounds.Length == 2
            && nint.TryParse(bounds[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var start)
            && nint.TryParse(bounds[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var end)
            && start <= address && address < end;
    }
}
