using System.Text;
using Kvorum.Storage.Encryption;
using Kvorum.Storage.Inspection;
using Kvorum.Storage.Log;

namespace Kvorum.Tests.Storage.Log;

public class SealedLogTests
{
    private const string Golden =
        "e44f305bf6c6723f4901d58246356f5154f655486cd17ab08e6a2004b932f4d22ba1e9d1dfc183d5" +
        "1f44ba897b7537e335b2c451d08a";

    private const string First = "log/0000000000000001.log";
    private const string Secret = "the secret of the value";

    private readonly PumpedJobs _jobs = new();

    [Fact]
    public void Golden_bytes_of_an_encrypted_segment()
    {
        var disk = new CrashFileSystem { Keys = TestKeys.Of(0x0102030405060708, 0x0102030405060708) };
        using (var log = Open(disk))
        {
            var batch = new LogBatch();
            batch.AddEntry(0x01020304, 5, "he"u8, "llo"u8);
            Append(log, batch);
        }

        var hex = Convert.ToHexStringLower(disk.ReadAll(First))[..(2 * 136)];
        Assert.Equal(
            // magic, version, length, segment, zero, crc
            "4b564f52554d4c47" + "03000000" + "00020000" + "0100000000000000" + "00000000", hex[..56]);
        // marker, length: 22 of the record and 48, sequence
        Assert.Equal("4b764632" + "46000000" + "0100000000000000", hex[64..96]);
        // data key
        Assert.Equal("0807060504030201", hex[112..128]);
        // number
        Assert.Equal("0100000000000000", hex[160..176]);
        Assert.Equal(Golden, hex[128..160] + hex[176..252]);
    }

    [Fact]
    public void Nothing_that_was_written_can_be_read_on_the_disk()
    {
        var disk = new CrashFileSystem { Keys = TestKeys.Of(7, 7) };
        using (var log = Open(disk))
        {
            for (ulong i = 1; i <= 20; i++)
                Append(log, Entry(1, i, Secret));
        }

        foreach (var name in disk.ListFiles("log"))
            Assert.Equal(-1, disk.ReadAll($"log/{name}").AsSpan().IndexOf("secret"u8));
        Assert.Equal(20, Replay(disk).Entries[1].Count);
    }

    [Theory]
    [InlineData(0, 7)]
    [InlineData(7, 0)]
    [InlineData(7, 8)]
    [InlineData(8, 7)]
    public void A_log_goes_on_in_another_segment_with_another_key(ulong before, ulong after)
    {
        var disk = new CrashFileSystem { Keys = TestKeys.Of(before, 7, 8) };
        using (var log = Open(disk))
        {
            Append(log, Entry(1, 1, Secret));
            Assert.Equal((1, 0), log.SegmentCounts);
        }

        disk.Keys = TestKeys.Of(after, 7, 8);
        using (var log = Open(disk))
        {
            Assert.Equal((1, 1), log.SegmentCounts);
            Append(log, Entry(2, 1, Secret));
            Assert.Equal((2, 1), log.SegmentCounts);
            Assert.Equal([1u], log.HoldersOfOldest(10));
            log.Release(1, 1);
            _jobs.RunAll();
            Assert.Equal((1, 0), log.SegmentCounts);
            Assert.Empty(log.HoldersOfOldest(10));
        }

        Assert.False(disk.Exists(First));
        disk.Keys = after == 0 ? null : TestKeys.Of(after, after);
        Assert.Equal([Secret], Replay(disk).Entries[2].Values);
        Assert.All(LogInspector.Inspect(disk, "log"), one => Assert.Equal(FindingKind.Sound, one.Kind));
    }

    [Fact]
    public void What_was_switched_over_and_cut_short_at_any_operation_is_all_there()
    {
        var plain = new CrashFileSystem();
        using (var log = Open(plain))
            Append(log, Entry(1, 1, "before"));
        for (var cut = 0; cut < 40; cut++)
        {
            var disk = plain.Copy();
            disk.Keys = TestKeys.Of(7, 7);
            disk.PowerOffAfter = cut;
            Exception? result = new InvalidOperationException("not completed");
            try
            {
                using var log = Open(disk);
                log.Append(Entry(1, 2, "after"), (_, error) => result = error);
                _jobs.RunAll();
            }
            catch (IOException)
            {
                // Cut in the opening.
            }

            for (var seed = 0; seed < 6; seed++)
            {
                var values = Replay(disk.Crash(seed)).Entries[1].Values;
                Assert.Equal("before", values.First());
                Assert.True(result is not null || values.Last() == "after", $"cut {cut}, seed {seed}");
            }
        }
    }

    [Fact]
    public void A_missing_key_is_an_error_that_names_file_and_key_and_no_damage()
    {
        var disk = Written();
        disk.Keys = null;
        var error = Assert.Throws<KeyException>(() => Replay(disk));
        Assert.StartsWith(
            $"{First} is encrypted with data key 0000000000000007, and no master key was given.",
            error.Message, StringComparison.Ordinal);
        disk.Keys = TestKeys.Of(8, 8);
        error = Assert.Throws<KeyException>(() => Replay(disk));
        Assert.Contains("data key 0000000000000007, which is not in the file keys", error.Message,
            StringComparison.Ordinal);
        Assert.Throws<KeyException>(() => LogInspector.Inspect(disk, "log"));
        Assert.Throws<KeyException>(() => LogInspector.LossesOf(disk, "log"));
    }

    [Fact]
    public void A_key_of_the_right_number_that_is_another_is_an_error_and_no_damage()
    {
        var disk = Written();
        disk.Keys = new(
            new Dictionary<ulong, byte[]> { [7] = new byte[DataKeys.KeyBytes] }, 7, TestKeys.Random(1));
        var error = Assert.Throws<KeyException>(() => Replay(disk));
        Assert.Contains($"{First}: the checksum of the bytes at offset 32 is right", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_flipped_bit_in_front_of_other_frames_is_damage()
    {
        var disk = Written();
        var whole = disk.ReadAll(First);
        for (var at = 32; at < 32 + 112; at++)
        {
            var damaged = whole.ToArray();
            damaged[at] ^= 4;
            var copy = disk.Copy();
            copy.WriteAll(First, damaged);
            Assert.Throws<LogDamagedException>(() => Replay(copy));
        }
    }

    // A salt is drawn for each start and segment, and a number is never used twice under it: not for the
    // frame that found no room and comes again with others, and not for one at an offset that is used again.
    [Fact]
    public void No_number_encrypts_two_texts()
    {
        Dictionary<string, string> seen = [];
        var keys = TestKeys.Of(7, 7);
        var disk = new CrashFileSystem { Keys = keys };
        for (var start = 0; start < 6; start++)
        {
            disk.BytesMax = long.MaxValue;
            using (var log = Open(disk))
            {
                disk.BytesMax = disk.BytesInUse + 300;
                for (ulong i = 1; i <= 12; i++)
                {
                    var batch = Entry(1, (ulong)(100 * start) + i, $"{Secret} {start} {i}");
                    log.Append(batch, static (_, _) => { });
                    _jobs.RunAll();
                    Gather(disk, seen);
                    if (log.WaitsFor is not null)
                    {
                        disk.BytesMax += 700;
                        log.Resume();
                        _jobs.RunAll();
                    }
                }
            }

            Gather(disk, seen);
            disk = disk.Crash(2 + start);
            Assert.Same(keys, disk.Keys);
        }

        Assert.True(seen.Count > 40, $"{seen.Count} frames");
    }

    private static void Gather(CrashFileSystem disk, Dictionary<string, string> seen)
    {
        foreach (var name in disk.ListFiles("log"))
        {
            var bytes = disk.ReadAll($"log/{name}");
            for (var at = 32; at + 24 <= bytes.Length; at += 8)
            {
                var segment = BitConverter.ToUInt64(bytes, 16);
                if (!RecordFormat.TryReadFrameHeader(bytes, segment, at, out var header) ||
                    !header.IsSealed || !RecordFormat.TryReadBody(bytes, at, header, out var body))
                    continue;
                var number = Convert.ToHexString(body[..32]);
                var text = Convert.ToHexString(body[32..]);
                Assert.Equal(text, seen.GetValueOrDefault(number, text));
                seen[number] = text;
            }
        }
    }

    private CrashFileSystem Written()
    {
        var disk = new CrashFileSystem { Keys = TestKeys.Of(7, 7) };
        using var log = Open(disk);
        Append(log, Entry(1, 1, Secret));
        Append(log, Entry(1, 2, Secret));
        return disk;
    }

    private SharedLog Open(CrashFileSystem disk) => SharedLog.Open(
        disk, "log", new SharedLogOptions { SegmentBytes = 512 }, _jobs, new ReplayedLog());

    private static ReplayedLog Replay(CrashFileSystem disk)
    {
        var told = new ReplayedLog();
        LogInspector.Replay(disk, "log", told);
        return told;
    }

    private static LogBatch Entry(uint group, ulong index, string value)
    {
        var batch = new LogBatch();
        batch.AddEntry(group, index, Encoding.UTF8.GetBytes(value), default);
        return batch;
    }

    private void Append(SharedLog log, LogBatch batch)
    {
        log.Append(batch, (_, error) => Assert.Null(error));
        _jobs.RunAll();
    }
}
