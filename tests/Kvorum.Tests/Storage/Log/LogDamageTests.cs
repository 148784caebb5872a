using Kvorum.Storage.Inspection;
using Kvorum.Storage.Log;

namespace Kvorum.Tests.Storage.Log;

/// <summary>What recovery makes of bytes that are not as they were written.</summary>
public class LogDamageTests
{
    private const string First = "log/0000000000000001.log";
    private const string Second = "log/0000000000000002.log";
    private const string Third = "log/0000000000000003.log";
    private const string Mark = "log/end";
    private static readonly SharedLogOptions Options = new() { SegmentBytes = 4096 };

    [Fact]
    public void The_last_frame_lost_or_flipped_at_any_byte_is_a_torn_tail()
    {
        var (disk, starts) = Written(frames: 4);
        var whole = disk.ReadAll(First);
        var end = starts[^1];
        for (var at = starts[^2]; at < end; at++)
        {
            CheckTorn([.. whole[..at], .. new byte[whole.Length - at]], at);
            byte[] flipped = [.. whole];
            flipped[at] ^= 0x40;
            CheckTorn(flipped, at);
        }

        void CheckTorn(byte[] bytes, int at)
        {
            var damaged = disk.Copy();
            damaged.WriteAll(First, bytes);
            var replayed = Open(damaged, out var recovery);
            // The padding behind the last payload is not used: it may be missing or wrong.
            var count = replayed.Entries[1].Count;
            Assert.True(count == 3 || count == 4 && at >= end - 7, $"{count} entries after a change at {at}");
            Assert.Equal(count == 4 && recovery.CutBytes == 0, count == 4);
            // What was cut is zeros now, so that nothing of it can be taken for a frame later.
            Assert.Equal(0, Open(damaged.Crash(0), out var again).Entries[1].Count - count);
            Assert.Equal(0, again.CutBytes);
        }
    }

    [Fact]
    public void Any_byte_of_an_earlier_frame_flipped_is_damage_and_nothing_is_changed()
    {
        var (disk, starts) = Written(frames: 4);
        var whole = disk.ReadAll(First);
        for (var at = 0; at < starts[3]; at++)
        {
            // Of the header, the zeros have no meaning; they are under its checksum all the same.
            byte[] flipped = [.. whole];
            flipped[at] ^= 0x01;
            var damaged = disk.Copy();
            damaged.WriteAll(First, flipped);
            // Each payload is 5 bytes: header 24, record 17, payload 5, padding 2 that may be anything.
            var padding = starts.Exists(start => start > starts[0] && at >= start - 2 && at < start);
            if (padding)
            {
                Assert.Equal(4, Open(damaged, out _).Entries[1].Count);
                continue;
            }

            CheckDamaged(damaged, First, "offset");
            Assert.Equal(flipped, damaged.ReadAll(First));
        }
    }

    [Fact]
    public void A_frame_lost_before_a_later_one_is_damage()
    {
        var (disk, starts) = Written(frames: 4);
        var bytes = disk.ReadAll(First);
        bytes.AsSpan(starts[1], starts[2] - starts[1]).Clear();
        disk.WriteAll(First, bytes);
        CheckDamaged(disk, First, $"offset {starts[1]}");
    }

    [Fact]
    public void The_end_of_a_segment_lost_before_the_next_is_damage()
    {
        var (disk, starts) = Written(frames: 150);
        Assert.True(disk.Exists(Second));
        var bytes = disk.ReadAll(First);
        bytes.AsSpan(starts[80]).Clear();
        disk.WriteAll(First, bytes);
        CheckDamaged(disk, Second, "frames are missing");

        bytes[starts[79] + 30] ^= 1;
        disk.WriteAll(First, bytes);
        CheckDamaged(disk, First, "later ones");
    }

    [Fact]
    public void A_missing_segment_is_damage_wherever_it_was()
    {
        var (disk, _) = Written(frames: 400);
        Assert.True(disk.ListFiles("log").Count >= 5);
        var middle = disk.Copy();
        middle.Lose(Second);
        CheckDamaged(middle, Second, "missing");

        var oldest = disk.Copy();
        oldest.Lose(First);
        CheckDamaged(oldest, First, "missing");
    }

    [Fact]
    public void A_damaged_segment_header_is_damage_and_a_newer_version_is_told()
    {
        var (disk, _) = Written(frames: 1);
        var bytes = disk.ReadAll(First);
        var header = bytes[..28];
        header[8] = 9;
        header.CopyTo(bytes, 0);
        BitConverter.TryWriteBytes(bytes.AsSpan(28), Kvorum.Storage.Crc32C.Of(header));
        disk.WriteAll(First, bytes);
        CheckDamaged(disk, First, "another version of Kvorum (log format 9, this one reads 3)");
    }

    [Fact]
    public void A_segment_of_another_length_than_it_was_made_with_is_damage()
    {
        var (disk, starts) = Written(frames: 200);
        var segments = disk.ListFiles("log").Count(name => name.EndsWith(".log", StringComparison.Ordinal));
        Assert.Equal(3, segments);
        for (var number = 1; number <= segments; number++)
        {
            var path = $"log/{number:D16}.log";
            var whole = disk.ReadAll(path);
            // In the newest one, also where only zeros are lost.
            foreach (var length in new[] { 32, starts[1], starts[20], whole.Length - 1, whole.Length + 1 })
            {
                var damaged = disk.Copy();
                var other = new byte[length];
                whole.AsSpan(0, Math.Min(length, whole.Length)).CopyTo(other);
                damaged.WriteAll(path, other);
                CheckDamaged(damaged, path, $"the file has {length} bytes, its header says {whole.Length}");
            }
        }
    }

    [Fact]
    public void Zeros_from_any_frame_on_to_the_end_are_damage_up_to_the_mark()
    {
        var (disk, starts) = Written(frames: 40, marked: 30);
        var whole = disk.ReadAll(First);
        for (var frame = 0; frame < 40; frame++)
        {
            var damaged = disk.Copy();
            byte[] zeroed = [.. whole];
            zeroed.AsSpan(starts[frame]).Clear();
            damaged.WriteAll(First, zeroed);
            if (frame < 30)
            {
                CheckDamaged(damaged, First, "the end of the log is missing: it was durable up to frame 30");
                continue;
            }

            // What was synced after the mark was written: nothing on this disk tells.
            Assert.Equal(frame, Open(damaged, out _).Entries[1].Count);
        }
    }

    [Fact]
    public void The_loss_of_the_newest_segment_is_damage()
    {
        var (disk, _) = Written(frames: 200, marked: 50);
        var damaged = disk.Copy();
        damaged.Lose(Third);
        CheckDamaged(damaged, Third, "missing");
        damaged.Lose(Second);
        CheckDamaged(damaged, Second, "missing");
        damaged.Lose(First);
        CheckDamaged(damaged, First, "the end of the log is missing");
    }

    [Fact]
    public void A_segment_that_was_made_ahead_and_never_used_may_be_missing()
    {
        var (disk, _) = Written(frames: 60);
        Assert.True(disk.Exists(Second));
        disk.Lose(Second);
        Assert.Equal(60, Open(disk, out _).Entries[1].Count);
    }

    [Fact]
    public void A_missing_mark_is_an_incomplete_copy_and_one_whole_slot_is_enough()
    {
        var (disk, _) = Written(frames: 40, marked: 20);
        var mark = disk.ReadAll(Mark);
        foreach (var slot in new[] { 0, EndMark.SecondSlot })
        {
            var torn = disk.Copy();
            byte[] bytes = [.. mark];
            bytes[slot + 20] ^= 1;
            torn.WriteAll(Mark, bytes);
            Assert.Equal(40, Open(torn, out _).Entries[1].Count);
            // The start has written the other one anew.
            Assert.Equal(40ul, EndMark.Read(torn, "log")!.Value.Sequence);
        }

        var damaged = disk.Copy();
        mark[20] ^= 1;
        mark[EndMark.SecondSlot + 20] ^= 1;
        damaged.WriteAll(Mark, mark);
        CheckDamaged(damaged, Mark, "both copies of the mark");

        disk.Lose(Mark);
        CheckDamaged(disk, Mark, "incomplete copy");
    }

    /// <summary>Whatever is lost or changed: what a start says, doctor says.</summary>
    [Fact]
    public void Doctor_agrees_with_a_start_about_any_damage()
    {
        var (disk, _) = Written(frames: 200, marked: 190);
        var random = new Random(7);
        var (refused, taken) = (0, 0);
        for (var trial = 0; trial < 600; trial++)
        {
            var damaged = disk.Copy();
            var name = disk.ListFiles("log")[random.Next(4)];
            var bytes = disk.ReadAll($"log/{name}");
            var from = random.Next(bytes.Length);
            var count = random.Next(1, bytes.Length - from + 1);
            switch (trial % 6)
            {
                case 0:
                    damaged.Lose($"log/{name}");
                    bytes = [];
                    break;
                case 1:
                    bytes = bytes[..from];
                    break;
                case 2:
                    bytes.AsSpan(from).Clear();
                    break;
                case 3:
                    bytes.AsSpan(from, count).Clear();
                    break;
                case 4:
                    bytes[from] ^= (byte)(1 << random.Next(8));
                    break;
                default:
                    random.NextBytes(bytes.AsSpan(from, Math.Min(count, 600)));
                    break;
            }

            if (trial % 6 > 0)
                damaged.WriteAll($"log/{name}", bytes);
            var isSound = LogInspector.Inspect(damaged, "log")
                .All(finding => finding.Kind != FindingKind.Damage);
            var starts = Starts(damaged);
            Assert.True(isSound == starts, $"trial {trial}, {name}: sound {isSound}, starts {starts}");
            _ = starts ? taken++ : refused++;
        }

        Assert.True(refused > 200 && taken > 50, $"{refused} refused, {taken} taken");

        static bool Starts(CrashFileSystem damaged)
        {
            try
            {
                Open(damaged, out _);
                return true;
            }
            catch (LogDamagedException)
            {
                return false;
            }
        }
    }

    [Fact]
    public void An_unknown_record_is_refused()
    {
        var body = new byte[] { 77, 1, 2, 3 };
        var frame = new byte[RecordFormat.FrameBytes(body.Length)];
        body.CopyTo(frame, RecordFormat.FrameHeaderBytes);
        var (disk, starts) = Written(frames: 2);
        var bytes = disk.ReadAll(First);
        RecordFormat.WriteFrameHeader(frame, body.Length, 3, 1, starts[^1]);
        frame.CopyTo(bytes, starts[^1]);
        disk.WriteAll(First, bytes);
        CheckDamaged(disk, First, "kind 77");
    }

    [Fact]
    public void A_length_is_not_believed_before_its_checksum()
    {
        var (disk, starts) = Written(frames: 2);
        var bytes = disk.ReadAll(First);
        bytes.AsSpan(starts[1] + 4, 4).Fill(0xff);
        disk.WriteAll(First, bytes);
        Assert.Single(Open(disk, out var recovery).Entries[1]);
        Assert.True(recovery.CutBytes > 0);
    }

    [Fact]
    public void A_value_that_looks_like_a_later_frame_is_not_taken_for_one()
    {
        var (other, places) = Written(frames: 4);
        var image = other.ReadAll(First)[places[1]..places[^1]];

        var disk = new CrashFileSystem();
        Write(disk, [[1, 2, 3], image]);
        var bytes = disk.ReadAll(First);
        bytes[places[0] + 50] ^= 1;
        disk.WriteAll(First, bytes);
        Assert.Single(Open(disk, out var recovery).Entries[1]);
        Assert.True(recovery.CutBytes > image.Length);
    }

    [Fact]
    public void Torn_bytes_in_two_places_are_damage()
    {
        var (disk, _) = Written(frames: 60);
        Assert.True(disk.Exists(Second));
        var first = disk.ReadAll(First);
        var second = disk.ReadAll(Second);
        first[^1] = 1;
        second[^1] = 1;
        disk.WriteAll(First, first);
        disk.WriteAll(Second, second);
        CheckDamaged(disk, Second, "unfinished writes both");
    }

    private static void CheckDamaged(CrashFileSystem disk, string file, string what)
    {
        var before = disk.Copy();
        var error = Assert.Throws<LogDamagedException>(() => Open(disk, out _));
        Assert.Contains(file, error.Message, StringComparison.Ordinal);
        Assert.Contains(what, error.Message, StringComparison.Ordinal);
        Assert.Contains("Nothing was changed", error.Message, StringComparison.Ordinal);
        Assert.Equal(before.ListFiles("log"), disk.ListFiles("log"));
        foreach (var name in disk.ListFiles("log"))
            Assert.Equal(before.ReadAll($"log/{name}"), disk.ReadAll($"log/{name}"));
    }

    // Frames of one entry with five bytes each; the places where they start, and where the next would.
    // The mark on the disk speaks of so many of them.
    private static (CrashFileSystem Disk, List<int> Starts) Written(int frames, int marked = 0)
    {
        var disk = new CrashFileSystem();
        Write(disk, [.. Enumerable.Range(1, frames).Select(i => TestBytes.Of($"{i:D5}"))], marked);
        List<int> starts = [];
        for (var i = 0; i <= frames; i++)
            starts.Add(RecordFormat.SegmentHeaderBytes + i * 48);
        return (disk, starts);
    }

    private static void Write(CrashFileSystem disk, byte[][] payloads, int marked = 0)
    {
        var jobs = new PumpedJobs();
        using var log = SharedLog.Open(disk, "log", Options, jobs, new ReplayedLog());
        for (var i = 0; i < payloads.Length; i++)
        {
            var batch = new LogBatch();
            batch.AddEntry(1, (ulong)i + 1, payloads[i], default);
            log.Append(batch, (_, error) => Assert.Null(error));
            if (i + 1 == marked)
            {
                jobs.RunAll();
                log.Mark();
            }

            jobs.RunAll();
        }
    }

    private static ReplayedLog Open(CrashFileSystem disk, out LogRecovery recovery)
    {
        var replayed = new ReplayedLog();
        using var log = SharedLog.Open(disk, "log", Options, new PumpedJobs(), replayed);
        recovery = log.Recovery;
        return replayed;
    }
}
