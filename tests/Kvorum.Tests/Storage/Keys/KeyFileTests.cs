using System.Buffers.Binary;
using Kvorum.Storage.Encryption;
using Kvorum.Storage.Files;
using Kvorum.Storage.Keys;
using Kvorum.Storage.Log;
using Kvorum.Tests.Storage.Log;

namespace Kvorum.Tests.Storage.Keys;

public class KeyFileTests
{
    private const string Golden =
        "9ce3c1176ce48e82f98ebe94979f98244e0221be0f3b5358f0a328181182650c3030c01431dcc56c" +
        "bedc8a67ecb10f31982465a8ea77de9962d3dc213b7b649bd46af2a608966be6b3bab2a1322f1445";

    private readonly CrashFileSystem _disk = new();

    [Fact]
    public void Golden_bytes_of_the_file()
    {
        KeyFile.Open(_disk, TestKeys.Folder(encrypts: true, 1));
        Assert.Equal(
            // magic, version, count
            "4b564f52554d4b59" + "01000000" + "01000000" + Golden,
            Convert.ToHexStringLower(_disk.ReadAll("keys")));
    }

    [Fact]
    public void Without_keys_nothing_is_made()
    {
        Assert.Same(_disk, KeyFile.Open(_disk, FolderKeys.None));
        Assert.Equal(0, _disk.Operations);
    }

    [Fact]
    public void The_second_start_has_the_data_key_of_the_first()
    {
        var first = KeyFile.Open(_disk, TestKeys.Folder(encrypts: true, 1)).Keys!;
        var before = _disk.ReadAll("keys");
        Assert.NotEqual(0ul, first.Current);
        Assert.Equal(first.Current, KeyFile.Open(_disk, TestKeys.Folder(encrypts: true, 1)).Keys!.Current);
        Assert.Equal(before, _disk.ReadAll("keys"));
    }

    [Fact]
    public void A_new_master_key_makes_a_data_key_and_takes_over_the_old_ones()
    {
        var first = Write(1);
        var both = KeyFile.Open(_disk, TestKeys.Folder(encrypts: true, 2, 1));
        Assert.NotEqual(first, both.Keys!.Current);
        Assert.Equal(["one"], Read(both));
        // The old master key can go at once, though files of the old data key are still there.
        Assert.Equal(["one"], Read(KeyFile.Open(_disk, TestKeys.Folder(encrypts: true, 2))));
        var error = Assert.Throws<KeyException>(() => Open(_disk, 1));
        Assert.Contains($"master key {TestKeys.Master(2).Id:x16}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_master_key_is_refused_with_both_names_and_changes_nothing()
    {
        var key = Write(1);
        var operations = _disk.Operations;
        Func<IFileSystem, FolderKeys, IFileSystem>[] opens = [KeyFile.Open, KeyFile.OpenAsFound];
        foreach (var open in opens)
        {
            var error = Assert.Throws<KeyException>(() => open(_disk, TestKeys.Folder(encrypts: true, 2)));
            Assert.Contains($"keys: data key {key:x16}", error.Message, StringComparison.Ordinal);
            Assert.Contains(
                $"master key {TestKeys.Master(1).Id:x16}", error.Message, StringComparison.Ordinal);
            Assert.Contains($"{TestKeys.Master(2).Id:x16}", error.Message, StringComparison.Ordinal);
            Assert.Contains("Give the folder's master key", error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(operations, _disk.Operations);
    }

    [Fact]
    public void A_start_without_the_master_key_is_refused_with_the_file_and_the_key()
    {
        var key = Write(1);
        var error = Assert.Throws<KeyException>(() => KeyFile.Open(_disk, FolderKeys.None));
        Assert.StartsWith(
            $"log/0000000000000001.log is encrypted with data key {key:x16}, and no master key was given.",
            error.Message, StringComparison.Ordinal);
        Assert.Contains("--master-key-file", error.Message, StringComparison.Ordinal);
        // The same if the file with the keys is gone too: the file itself says what it is.
        _disk.Delete("keys");
        var bare = KeyFile.Open(_disk, FolderKeys.None);
        Assert.Equal(error.Message, Assert.Throws<KeyException>(() => Read(bare)).Message);
    }

    [Fact]
    public void A_lost_file_is_not_made_anew_over_what_it_encrypts()
    {
        var key = Write(1);
        _disk.Delete("keys");
        var error = Assert.Throws<KeyException>(() => Open(_disk, 1));
        Assert.StartsWith("keys: the file is missing", error.Message, StringComparison.Ordinal);
        Assert.Contains($"{key:x16}", error.Message, StringComparison.Ordinal);
        Assert.False(_disk.Exists("keys"));
    }

    [Fact]
    public void Any_flipped_bit_is_told_and_never_taken_for_no_file()
    {
        Write(1);
        var whole = _disk.ReadAll("keys");
        for (var at = 0; at < whole.Length; at++)
        {
            var disk = _disk.Copy();
            var damaged = whole.ToArray();
            damaged[at] ^= 1;
            disk.WriteAll("keys", damaged);
            var error = Assert.Throws<KeyException>(() => Open(disk, 1));
            Assert.Contains("keys: the file is damaged", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_folder_without_encrypted_files_needs_no_key()
    {
        var on = KeyFile.Open(_disk, TestKeys.Folder(encrypts: true, 1));
        Assert.NotNull(on.Keys);
        Assert.Null(KeyFile.Open(_disk, FolderKeys.None).Keys);
        Assert.Equal(0ul, KeyFile.Open(_disk, TestKeys.Folder(encrypts: false, 1)).Keys!.Current);
    }

    [Fact]
    public void A_power_cut_at_any_operation_of_a_change_leaves_keys_that_fit()
    {
        Write(1);
        foreach (var keys in new[] { TestKeys.Folder(true, 2, 1), TestKeys.Folder(false, 2, 1) })
        {
            for (var cut = 0; cut < 8; cut++)
            {
                var disk = _disk.Copy();
                disk.PowerOffAfter = cut;
                try
                {
                    KeyFile.Open(disk, keys);
                }
                catch (IOException error)
                {
                    Assert.IsNotType<KeyException>(error);
                }

                for (var seed = 0; seed < 6; seed++)
                {
                    var crashed = disk.Crash(seed);
                    Assert.Equal(["one"], Read(KeyFile.Open(crashed, keys)));
                    Assert.Equal(["one"], Read(KeyFile.Open(crashed, TestKeys.Folder(true, 2))));
                }
            }
        }
    }

    /// <summary>Once the log has nothing of it any more, the next start leaves it out.</summary>
    [Fact]
    public void A_key_that_no_file_names_any_more_goes_with_the_next_start()
    {
        var first = Write(1);
        var second = KeyFile.Open(_disk, TestKeys.Folder(true, 2, 1)).Keys!.Current;
        Assert.Equal(2, CountOfKeys(_disk));
        Open(_disk, 2);
        Assert.Equal(2, CountOfKeys(_disk));

        // Such as a frame in the midst of a segment, or what a torn write has left of one.
        foreach (var path in new[] { "log/0000000000000009.log", "groups/1/tree/manifest.new" })
        {
            var disk = WithoutLog();
            var bytes = new byte[3 << 20];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan((1 << 20) - 4), first);
            disk.CreateFolder(path[..path.LastIndexOf('/')]);
            disk.WriteAll(path, bytes);
            Open(disk, 2);
            Assert.Equal(2, CountOfKeys(disk));
        }

        // One that cannot be read may name it, too.
        var unreadable = WithoutLog();
        unreadable.CreateFolder("log");
        unreadable.WriteAll("log/0000000000000009.log", [1]);
        unreadable.Fault = static (operation, path) => path == "log/0000000000000009.log"
            ? new IOException($"{path}: {operation} fails") : null;
        Open(unreadable, 2);
        Assert.Equal(2, CountOfKeys(unreadable));

        var left = WithoutLog();
        Assert.Equal(second, Open(left, 2).Keys!.Current);
        Assert.Equal(1, CountOfKeys(left));
        Assert.Equal(second, Open(left, 2).Keys!.Current);
    }

    [Fact]
    public void A_power_cut_while_a_key_goes_leaves_those_that_are_needed()
    {
        Write(1);
        KeyFile.Open(_disk, TestKeys.Folder(true, 2, 1));
        var whole = WithoutLog();
        WriteLog(KeyFile.OpenAsFound(whole, TestKeys.Folder(true, 2)));
        Assert.Equal(2, CountOfKeys(whole));
        for (var cut = 0; cut < 12; cut++)
        {
            var disk = whole.Copy();
            disk.PowerOffAfter = cut;
            try
            {
                Open(disk, 2);
            }
            catch (IOException error)
            {
                Assert.IsNotType<KeyException>(error);
            }

            for (var seed = 0; seed < 6; seed++)
            {
                var crashed = disk.Crash(seed);
                Assert.Equal(["one"], Read(Open(crashed, 2)));
                Assert.Equal(1, CountOfKeys(crashed));
            }
        }
    }

    [Fact]
    public void A_power_cut_at_any_operation_of_the_first_start_leaves_keys_or_none()
    {
        for (var cut = 0; cut < 8; cut++)
        {
            var disk = new CrashFileSystem { PowerOffAfter = cut };
            var isDone = false;
            try
            {
                isDone = KeyFile.Open(disk, TestKeys.Folder(true, 1)).Keys is not null;
            }
            catch (IOException error)
            {
                Assert.IsNotType<KeyException>(error);
            }

            for (var seed = 0; seed < 6; seed++)
            {
                var crashed = disk.Crash(seed);
                Assert.True(!isDone || crashed.Exists("keys"));
                Assert.NotEqual(0ul, KeyFile.Open(crashed, TestKeys.Folder(true, 1)).Keys!.Current);
            }
        }
    }

    private static IFileSystem Open(IFileSystem files, ulong master) =>
        KeyFile.Open(files, TestKeys.Folder(encrypts: true, master));

    private ulong Write(ulong master)
    {
        var files = KeyFile.Open(_disk, TestKeys.Folder(encrypts: true, master));
        WriteLog(files);
        return files.Keys!.Current;
    }

    private static void WriteLog(IFileSystem files)
    {
        var jobs = new PumpedJobs();
        using var log = SharedLog.Open(files, "log", LogWorkload.Options, jobs, new ReplayedLog());
        var batch = new LogBatch();
        batch.AddEntry(1, 1, "one"u8, default);
        log.Append(batch, (_, error) => Assert.Null(error));
        jobs.RunAll();
    }

    private CrashFileSystem WithoutLog()
    {
        var disk = _disk.Copy();
        disk.DeleteFolder("log");
        return disk;
    }

    private static int CountOfKeys(CrashFileSystem disk) =>
        BinaryPrimitives.ReadInt32LittleEndian(disk.ReadAll("keys").AsSpan(12));

    private static string[] Read(IFileSystem files)
    {
        var told = new ReplayedLog();
        SharedLog.Open(files, "log", LogWorkload.Options, new PumpedJobs(), told).Dispose();
        return [.. told.Entries[1].Values];
    }
}
