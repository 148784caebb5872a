using Kvorum.Storage.Log;

namespace Kvorum.Tests.Storage.Log;

/// <summary>
/// What a damaged log tells of its losses. Group 1 has an entry in each frame but every tenth, which is of
/// group 2; group 3 has one in the first frame only. Each frame is two pages long.
/// </summary>
public class LogSurveyTests
{
    private const int Frames = 60;
    private const int FrameBytes = 8192;
    private const int FramesInSegment = 15;
    private const int SegmentBytes = 128 << 10;

    private readonly CrashFileSystem _disk = new();
    private readonly List<(uint Group, ulong Index)> _entries = [(3, 1)];

    public LogSurveyTests()
    {
        var last = new ulong[3];
        while (_entries.Count < Frames)
        {
            var group = _entries.Count % 10 == 0 ? 2u : 1u;
            _entries.Add((group, ++last[group]));
        }

        var jobs = new PumpedJobs();
        var options = new SharedLogOptions { SegmentBytes = SegmentBytes };
        var payload = new byte[FrameBytes - RecordFormat.FrameHeaderBytes - RecordFormat.EntryHeaderBytes];
        payload.AsSpan().Fill(7);
        using var log = SharedLog.Open(_disk, "log", options, jobs, new ReplayedLog());
        foreach (var (group, index) in _entries)
        {
            var batch = new LogBatch();
            batch.AddEntry(group, index, payload, default);
            log.Append(batch, static (_, error) => Assert.Null(error));
            jobs.RunAll();
        }
    }

    [Fact]
    public void A_frame_in_the_middle_is_told_by_what_follows()
    {
        Spoil(25);
        var losses = Losses();
        Assert.Equal((_entries[25].Index, _entries[25].Index), losses.Groups[1]);
        // Of group 2 one may have been there, too; but the next one that is known follows the last before.
        Assert.DoesNotContain(2u, losses.Groups.Keys);
        Assert.Contains(2u, losses.Whole);
        // Nothing of group 3 follows.
        Assert.Equal((2ul, ulong.MaxValue), losses.Groups[3]);
    }

    [Fact]
    public void At_the_end_nothing_tells_what_was_there()
    {
        Spoil(Frames - 1);
        var losses = Losses();
        Assert.Equal((_entries[^1].Index, ulong.MaxValue), losses.Groups[1]);
        Assert.Equal((2ul, ulong.MaxValue), losses.Groups[3]);
        Assert.Empty(losses.Whole);
    }

    [Fact]
    public void Zeros_between_whole_frames_hold_nothing()
    {
        // The end of the first segment, behind its last frame.
        Assert.True(_disk.Spoil(SegmentOf(0), SegmentBytes - 1, SegmentBytes));
        Assert.Throws<LogDamagedException>(Open);
        Assert.Empty(LogSurvey.Of(new SegmentFiles(_disk, "log")).Groups);
    }

    [Fact]
    public void A_damaged_frame_and_a_lost_segment_are_told_like_one_that_cannot_be_read()
    {
        var bytes = _disk.ReadAll(SegmentOf(25));
        bytes[OffsetOf(25) + 30] ^= 1;
        _disk.WriteAll(SegmentOf(25), bytes);
        Assert.Equal((_entries[25].Index, _entries[25].Index), Losses().Groups[1]);
        _disk.Lose(SegmentOf(0));
        // All before the first that is left, too.
        Assert.Equal((1ul, _entries[25].Index), Losses().Groups[1]);
        Assert.Equal((1ul, _entries[20].Index - 1), Losses().Groups[2]);
    }

    // In the second page of the frame, which no other is in.
    private void Spoil(int frame)
    {
        var at = OffsetOf(frame) + 5000;
        Assert.True(_disk.Spoil(SegmentOf(frame), at, at + 1));
    }

    private static string SegmentOf(int frame) => $"log/000000000000000{1 + (frame / FramesInSegment)}.log";

    private static int OffsetOf(int frame) =>
        RecordFormat.SegmentHeaderBytes + (frame % FramesInSegment * FrameBytes);

    private LogLosses Losses() => Assert.Throws<LogDamagedException>(Open).Losses!;

    private void Open() => SharedLog.Open(
        _disk, "log", new SharedLogOptions { SegmentBytes = SegmentBytes }, new PumpedJobs(),
        new ReplayedLog()).Dispose();
}
