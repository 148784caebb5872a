using Kvorum.Storage;
using Kvorum.Storage.Log;

namespace Kvorum.Tests.Storage.Log;

public class RecordFormatTests
{
    [Fact]
    public void The_checksum_is_CRC_32C()
    {
        Assert.Equal(0xe3069283u, Crc32C.Of("123456789"u8));
        Assert.Equal(0u, Crc32C.Of([]));
        var state = Crc32C.Add(Crc32C.Add(Crc32C.Begin, "1234"u8), "56789"u8);
        Assert.Equal(0xe3069283u, Crc32C.End(state));
    }

    [Fact]
    public void Golden_bytes_of_a_segment()
    {
        var disk = new CrashFileSystem();
        var jobs = new PumpedJobs();
        using var log = SharedLog.Open(
            disk, "log", new SharedLogOptions { SegmentBytes = 256 }, jobs, new ReplayedLog());
        var batch = new LogBatch();
        batch.AddEntry(0x01020304, 5, "he"u8, "llo"u8);
        batch.SetState(6, "st"u8);
        log.Append(batch, (_, error) => Assert.Null(error));
        jobs.RunAll();

        var hex = Convert.ToHexStringLower(disk.ReadAll("log/0000000000000001.log"));
        Assert.Equal(new string('0', 2 * (256 - 96)), hex[192..]);
        Assert.Equal(Golden, hex[..192]);
    }

    [Fact]
    public void Golden_bytes_of_the_last_frame_of_a_segment()
    {
        var disk = new CrashFileSystem();
        var jobs = new PumpedJobs();
        using var log = SharedLog.Open(
            disk, "log", new SharedLogOptions { SegmentBytes = 256 }, jobs, new ReplayedLog());
        for (ulong i = 1; i <= 2; i++)
        {
            var batch = new LogBatch();
            batch.AddEntry(1, i, new byte[100], default);
            log.Append(batch, (_, error) => Assert.Null(error));
            jobs.RunAll();
        }

        var hex = Convert.ToHexStringLower(disk.ReadAll("log/0000000000000001.log"));
        // Behind the header and a frame of 24 + 17 + 100 bytes and padding.
        Assert.Equal(
            // marker, length, sequence, body crc, crc
            "4b764631" + "09000000" + "0200000000000000" + "de5052f7" + "06ecb2bc" +
            // kind, segment; padding
            "04" + "0200000000000000" + "00000000000000",
            hex[(2 * 176)..(2 * 216)]);
        Assert.Equal(new string('0', 2 * 40), hex[(2 * 216)..]);
    }

    [Fact]
    public void Golden_bytes_of_the_mark()
    {
        var disk = new CrashFileSystem();
        disk.CreateFolder("log");
        EndMark.Create(disk, "log");
        using (var mark = EndMark.Open(disk, "log"))
            mark.Write(new LogEnd(0x0102, 3, 0x0405));
        var bytes = disk.ReadAll("log/end");
        Assert.Equal(4096 + 48, bytes.Length);
        Assert.Equal(
            // magic, version, zero, sequence, segment, offset, zero, crc
            "4b564f52554d4c45" + "01000000" + "00000000" + "0201000000000000" + "0300000000000000" +
            "0504000000000000" + "00000000" + "1b7bd4bd",
            Convert.ToHexStringLower(bytes.AsSpan(0, 48)));
        Assert.Equal(
            "4b564f52554d4c45" + "01000000" + "00000000" + new string('0', 56) + "f3274059",
            Convert.ToHexStringLower(bytes.AsSpan(4096)));
        Assert.False(bytes.AsSpan(48, 4048).ContainsAnyExcept((byte)0));
    }

    private const string Golden =
        // magic, version, length, segment, zero, crc
        "4b564f52554d4c47" + "02000000" + "00010000" + "0100000000000000" + "00000000" + "5ff35b58" +
        // marker, length, sequence, body crc, crc
        "4b764631" + "21000000" + "0100000000000000" + "f97a6698" + "f1a93b09" +
        // entry: kind, group, index, length, payload
        "01" + "04030201" + "0500000000000000" + "05000000" + "68656c6c6f" +
        // state: kind, group, length, payload; padding
        "02" + "06000000" + "02000000" + "7374" + "00000000000000";
}
