using Kvorum.Storage;
using Kvorum.Storage.Trees;

namespace Kvorum.Tests.Storage.Trees;

public class CheckpointFormatTests
{
    private const string File = "tree/0000000000000001.tree";

    private const string Golden =
        // magic, version, tag length, applied index, count, crc; tag, crc
        "4b564f52554d5452" + "01000000" + "03000000" + "0700000000000000" + "0200000000000000" + "55052639" +
        "746167" + "df4b0b8e" +
        // block: length, body crc, crc; entries: key length, value length, key, value
        "14000000" + "986cc029" + "2a82ee76" +
        "01000000" + "01000000" + "6131" + "02000000" + "00000000" + "6263" +
        // end
        "00000000" + "00000000" + "14977cb0";

    [Fact]
    public void Golden_bytes_of_a_checkpoint() =>
        Assert.Equal(Golden, Convert.ToHexStringLower(Written().ReadAll(File)));

    [Fact]
    public void Any_flipped_or_missing_byte_is_damage_that_names_the_file()
    {
        byte[] whole = Written().ReadAll(File);
        for (int at = 0; at < whole.Length; at++)
        {
            byte[] flipped = [.. whole];
            flipped[at] ^= 0x10;
            CheckDamaged(flipped);
            CheckDamaged(whole[..at]);
        }

        CheckDamaged([.. whole, 0]);
    }

    [Fact]
    public void A_newer_version_is_told()
    {
        CrashFileSystem disk = Written();
        byte[] bytes = disk.ReadAll(File);
        bytes[8] = 3;
        BitConverter.TryWriteBytes(bytes.AsSpan(32), Crc32C.Of(bytes.AsSpan(0, 32)));
        disk.WriteAll(File, bytes);
        var error = Assert.Throws<TreeDamagedException>(() => Open(disk));
        Assert.Contains("newer version", error.Message, StringComparison.Ordinal);
        Assert.Contains("(checkpoint format 3, this one reads 1)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_or_wrong_received_file_is_not_taken()
    {
        byte[] whole = Written().ReadAll(File);
        var info = new CheckpointInfo(7, whole.Length, "tag"u8.ToArray());
        for (int at = 0; at < whole.Length; at++)
        {
            byte[] flipped = [.. whole];
            flipped[at] ^= 0x10;
            CheckRefused(flipped, info);
        }

        CheckRefused(whole[..^1], info);
        CheckRefused([.. whole, 0], info);
        CheckRefused(whole, info with { AppliedIndex = 8 });
        CheckRefused(whole, info with { Tag = "other"u8.ToArray() });
    }

    [Fact]
    public void An_entry_larger_than_a_block_is_kept_whole()
    {
        var disk = new CrashFileSystem();
        Tree tree = Open(disk);
        var batch = new WriteBatch();
        for (int i = 0; i < 5; i++)
            batch.Put([(byte)i], new byte[i * 300]);
        tree.Write(batch, 1);
        CheckpointJob job = tree.BeginCheckpoint(default);
        job.Write();
        job.Complete();
        Assert.True(Open(disk).TryGet([4], out ReadOnlyMemory<byte> value));
        Assert.Equal(1200, value.Length);
    }

    private static void CheckDamaged(byte[] bytes)
    {
        CrashFileSystem disk = Written();
        disk.WriteAll(File, bytes);
        var error = Assert.Throws<TreeDamagedException>(() => Open(disk));
        Assert.Contains(File, error.Message, StringComparison.Ordinal);
        Assert.Contains("Restore the node from its peers", error.Message, StringComparison.Ordinal);
        Assert.Equal(bytes, disk.ReadAll(File));
    }

    private static void CheckRefused(byte[] bytes, CheckpointInfo info)
    {
        var disk = new CrashFileSystem();
        Tree tree = Open(disk);
        using (CheckpointReceiver receiver = tree.BeginReceive(info))
        {
            Assert.Throws<TreeDamagedException>(() =>
            {
                receiver.Write(bytes);
                receiver.Verify();
            });
            Assert.Throws<InvalidOperationException>(() => tree.Install(receiver));
        }

        Assert.Equal(0ul, tree.AppliedIndex);
        Assert.Empty(disk.ListFiles("tree"));
    }

    private static CrashFileSystem Written()
    {
        var disk = new CrashFileSystem();
        Tree tree = Open(disk);
        var batch = new WriteBatch();
        batch.Put("bc"u8, default);
        batch.Put("a"u8, "1"u8);
        tree.Write(batch, 7);
        CheckpointJob job = tree.BeginCheckpoint("tag"u8);
        job.Write();
        job.Complete();
        return disk;
    }

    private static Tree Open(CrashFileSystem disk) =>
        Tree.Open(disk, "tree", new TreeOptions { BlockBytes = 64 });
}
