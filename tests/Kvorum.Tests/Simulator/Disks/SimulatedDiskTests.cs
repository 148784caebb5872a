using Kvorum.Simulator.Disks;
using Kvorum.Storage.Files;

namespace Kvorum.Tests.Simulator.Disks;

/// <summary>What the disk promises, and what it does not.</summary>
public class SimulatedDiskTests
{
    private readonly SimulatedDisk _disk = new();

    [Fact]
    public void What_is_synced_survives_every_crash()
    {
        Write("a", 0, 1, 2000);
        _disk.SyncFolder("");
        for (var seed = 0; seed < 20; seed++)
            Assert.Equal(Bytes(1, 2000), _disk.Crash(seed).ReadAll("a"));
    }

    [Fact]
    public void Of_what_is_not_synced_each_sector_is_lost_or_kept()
    {
        Write("a", 0, 1, 4 * SimulatedDisk.SectorBytes);
        _disk.SyncFolder("");
        Write("a", 0, 2, 4 * SimulatedDisk.SectorBytes, sync: false);
        Assert.Equal(Bytes(1, 2048), _disk.Crash(0).ReadAll("a"));
        Assert.Equal(Bytes(2, 2048), _disk.Crash(1).ReadAll("a"));
        var outcomes = Enumerable.Range(2, 40).Select(seed => _disk.Crash(seed).ReadAll("a")).ToArray();
        foreach (var bytes in outcomes)
        {
            for (var sector = 0; sector < 4; sector++)
                Assert.Single(bytes.Skip(sector * 512).Take(512).Distinct());
        }

        Assert.Contains(outcomes, bytes => bytes.Distinct().Count() == 2);
    }

    [Fact]
    public void A_name_needs_its_folders_sync()
    {
        Write("a", 0, 1, 10);
        Assert.False(_disk.Crash(0).Exists("a"));
        Assert.True(_disk.Crash(1).Exists("a"));
        _disk.SyncFolder("");
        _disk.Rename("a", "b");
        var crashed = _disk.Crash(0);
        Assert.True(crashed.Exists("a"));
        Assert.False(crashed.Exists("b"));
        _disk.Delete("b");
        Assert.True(_disk.Crash(0).Exists("a"));
    }

    [Fact]
    public void After_a_failed_sync_the_bytes_are_seen_and_not_kept_whatever_is_synced_later()
    {
        Write("a", 0, 1, 1024);
        _disk.SyncFolder("");
        using var file = _disk.Open("a", forWriting: true);
        file.Write(0, Bytes(2, 1024));
        _disk.FailAt = _disk.Operations + 1;
        Assert.Throws<IOException>(file.Sync);
        file.Sync();
        Assert.Equal(Bytes(2, 1024), _disk.ReadAll("a"));
        Assert.Equal(Bytes(1, 1024), _disk.Crash(1).ReadAll("a"));

        // Only what is written again is.
        file.Write(0, Bytes(3, 512));
        file.Sync();
        Assert.Equal([.. Bytes(3, 512), .. Bytes(1, 512)], _disk.Crash(0).ReadAll("a"));
    }

    [Fact]
    public void A_cut_that_is_not_synced_may_come_undone()
    {
        Write("a", 0, 1, 2000);
        _disk.SyncFolder("");
        using var file = _disk.Open("a", forWriting: true);
        file.SetLength(700);
        file.SetLength(1500);
        Assert.Equal([.. Bytes(1, 700), .. Bytes(0, 800)], _disk.ReadAll("a"));
        Assert.Equal(Bytes(1, 2000), _disk.Crash(0).ReadAll("a"));
        file.Sync();
        Assert.Equal([.. Bytes(1, 700), .. Bytes(0, 800)], _disk.Crash(0).ReadAll("a"));
    }

    [Fact]
    public void A_full_disk_takes_what_fits_and_fails()
    {
        _disk.BytesMax = 1000;
        using var file = _disk.Create("a");
        file.Write(0, Bytes(1, 900));
        Assert.Throws<DiskFullException>(() => file.Write(900, Bytes(1, 200)));
        Assert.Equal(1000, file.Length);
        _disk.BytesMax = long.MaxValue;
        file.Write(1000, Bytes(1, 100));
        Assert.Equal(1100, _disk.BytesInUse);
        _disk.Delete("a");
        Assert.Equal(0, _disk.BytesInUse);
    }

    [Fact]
    public void A_flipped_bit_is_one_bit_and_reading_it_is_noted()
    {
        Write("a", 0, 1, 1000);
        Assert.False(_disk.Flip("a", 5, 3), "its name is not durable");
        _disk.SyncFolder("");
        Assert.True(_disk.Flip("a", 5, 3));
        Assert.Equal(1 ^ 8, _disk.ReadAll("a")[5]);
        Assert.Equal(1 ^ 8, _disk.Crash(0).ReadAll("a")[5]);
        using var file = _disk.Open("a", forWriting: true);
        file.Read(6, new byte[100]);
        Assert.Empty(_disk.DamageRead);
        file.Read(0, new byte[100]);
        Assert.Equal(["a"], _disk.DamageRead);
        _disk.DamageRead.Clear();
        file.Write(0, Bytes(2, 10));
        file.Read(0, new byte[100]);
        Assert.Empty(_disk.DamageRead);
    }

    private static byte[] Bytes(byte value, int count)
    {
        var bytes = new byte[count];
        bytes.AsSpan().Fill(value);
        return bytes;
    }

    private void Write(string path, long offset, byte value, int count, bool sync = true)
    {
        using var file = _disk.Exists(path) ? _disk.Open(path, forWriting: true) : _disk.Create(path);
        file.Write(offset, Bytes(value, count));
        if (sync)
            file.Sync();
    }
}
