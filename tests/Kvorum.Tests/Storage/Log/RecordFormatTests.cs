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
        uint state = Crc32C.Add(Crc32C.Add(Crc32C.Begin, "1234"u8), "56789"u8);
        Assert.Equal(0xe3069283u, Crc32C.End(state));
    }

    [Fact]
    public void Golden_bytes_of_a_segment()
    {
        var disk = new CrashFileSystem();
        var jobs = new PumpedJobs();
        using SharedLog log = SharedLog.Open(
            disk, "log", new SharedLogOptions { SegmentBytes = 256 }, jobs, new ReplayedLog());
        var batch = new LogBatch();
        batch.AddEntry(0x01020304, 5, "he"u8, "llo"u8);
        batch.SetState(6, "st"u8);
        log.Append(batch, (_, error) => Assert.Null(error));
        jobs.RunAll();

        string hex = Convert.ToHexStringLower(disk.ReadAll("log/0000000000000001.log"));
        Assert.Equal(new string('0', 2 * (256 - 96)), hex[192..]);
        Assert.Equal(Golden, hex[..192]);
    }

    private const string Golden =
        // magic, version, zero, segment, zero, crc
        "4b564f52554d4c47" + "01000000" + "00000000" + "0100000000000000" + "00000000" + "99161166" +
        // marker, length, sequence, body crc, crc
        "4b764631" + "21000000" + "0100000000000000" + "f97a6698" + "f1a93b09" +
        // entry: kind, group, index, length, payload
        "01" + "04030201" + "0500000000000000" + "05000000" + "68656c6c6f" +
        // state: kind, group, length, payload; padding
        "02" + "06000000" + "02000000" + "7374" + "00000000000000";
}
