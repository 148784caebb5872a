using Kvorum.Storage;
using Kvorum.Storage.Files;
using Kvorum.Storage.Log;

namespace Kvorum.Tests.Storage.Log;

public sealed class NextSegmentTests : IDisposable
{
    private const long SegmentBytes = 16 << 20;
    private const string Unfinished = "log/0000000000000008.new";

    private readonly CrashFileSystem _disk = new();
    private readonly Queue<Action> _background = new();
    private readonly SegmentFiles _files;
    private readonly NextSegment _next;
    private readonly Segment _active = new(7, "log/0000000000000007.log");

    public NextSegmentTests()
    {
        _disk.CreateFolder("log");
        _files = new SegmentFiles(_disk, "log");
        _next = new NextSegment(_files, SegmentBytes, new Later(_background), found: null);
    }

    public void Dispose() => _next.Dispose();

    [Fact]
    public void It_is_made_while_the_second_half_is_written()
    {
        Write(SegmentBytes / 2);
        Assert.Equal(1 << 20, LengthOf(Unfinished));
        Write(SegmentBytes * 3 / 4);
        Assert.InRange(LengthOf(Unfinished), SegmentBytes / 2, SegmentBytes - 1);
        Assert.Equal(LengthOf(Unfinished), _next.Bytes);
        Write(SegmentBytes * 19 / 20);
        Assert.Equal(SegmentBytes, _next.Bytes);
        Assert.False(_disk.Exists(Unfinished));
        AssertIsNew(_next.Take(8, 100));
    }

    [Fact]
    public void Nothing_is_made_in_the_first_half()
    {
        Write((SegmentBytes / 2) - 8);
        Assert.Empty(_disk.ListFiles("log"));
    }

    [Fact]
    public void No_more_than_a_piece_is_brought_to_disk_at_once()
    {
        var syncs = 0;
        long before = 0;
        _disk.Fault = (what, path) =>
        {
            if (what == "sync" && path == Unfinished)
            {
                syncs++;
                Assert.InRange(LengthOf(path) - before, 1, 1 << 20);
                before = LengthOf(path);
            }

            return null;
        };
        Write(SegmentBytes);
        Assert.Equal(16, syncs);
        Assert.Equal(SegmentBytes, _next.Bytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(SegmentBytes * 3 / 4)]
    public void Who_needs_it_early_gets_it_without_waiting_for_zeros(long position)
    {
        if (position > 0)
            Write(position);
        AssertIsNew(_next.Take(8, 100));
        Assert.Equal(["0000000000000008.log"], _disk.ListFiles("log"));
        // What was asked for before it was taken makes no other.
        RunBackground();
        Assert.Equal(["0000000000000008.log"], _disk.ListFiles("log"));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(SegmentBytes * 3 / 4)]
    [InlineData(SegmentBytes * 19 / 20)]
    public void One_that_must_be_larger_takes_the_place_of_what_was_made(long position)
    {
        if (position > 0)
            Write(position);
        const long bytes = SegmentBytes + 1000;
        var taken = _next.Take(8, bytes);
        Assert.Equal((8UL, bytes), (taken.Number, taken.Length));
        Assert.Equal(bytes, LengthOf(taken.Path));
        taken.File!.Dispose();
        Assert.Equal(["0000000000000008.log"], _disk.ListFiles("log"));
    }

    [Fact]
    public void One_that_is_given_back_is_taken_again()
    {
        var taken = _next.Take(8, 100);
        _next.Return(taken);
        Assert.Same(taken, _next.Take(8, 100));
        taken.File!.Dispose();
    }

    [Fact]
    public void What_failed_is_tried_again_when_told()
    {
        _disk.Fault = (what, _) => what == "write" ? new DiskFullException("full", new IOException()) : null;
        Write(SegmentBytes / 2);
        Write(SegmentBytes * 3 / 4);
        Assert.Empty(_disk.ListFiles("log"));
        _disk.Fault = null;
        Write(SegmentBytes * 7 / 8);
        Assert.Empty(_disk.ListFiles("log"));
        _next.Retry();
        RunBackground();
        Write(SegmentBytes * 19 / 20);
        AssertIsNew(_next.Take(8, 100));
    }

    [Fact]
    public void What_is_unfinished_at_the_end_leaves_no_file()
    {
        Write(SegmentBytes * 3 / 4);
        Assert.True(_disk.Exists(Unfinished));
        _next.Dispose();
        Assert.Empty(_disk.ListFiles("log"));
    }

    private void Write(long position)
    {
        _active.Position = position;
        _next.Advance(_active);
        RunBackground();
    }

    private void RunBackground()
    {
        while (_background.TryDequeue(out var job))
            job();
    }

    private long LengthOf(string path)
    {
        using var file = _disk.Open(path, forWriting: false);
        return file.Length;
    }

    private static void AssertIsNew(Segment segment)
    {
        Assert.Equal((8UL, SegmentBytes), (segment.Number, segment.Length));
        var bytes = new byte[SegmentBytes];
        Assert.Equal(bytes.Length, segment.File!.Read(0, bytes));
        var header = new byte[RecordFormat.SegmentHeaderBytes];
        RecordFormat.WriteSegmentHeader(header, 8, SegmentBytes);
        Assert.True(bytes.AsSpan(0, header.Length).SequenceEqual(header));
        Assert.False(bytes.AsSpan(header.Length).ContainsAnyExcept((byte)0));
        segment.File.Dispose();
    }

    private sealed class Later(Queue<Action> jobs) : IJobRunner
    {
        public void Run(JobLane lane, Action job)
        {
            Assert.Equal(JobLane.Background, lane);
            jobs.Enqueue(job);
        }
    }
}
