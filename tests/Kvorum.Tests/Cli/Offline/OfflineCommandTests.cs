using System.Text.Json;

namespace Kvorum.Tests.Cli.Offline;

public class OfflineCommandTests
{
    [Fact]
    public async Task A_folder_is_checked_exported_and_imported()
    {
        using var place = ServerPlace.Free(1)[0];
        var wal = Path.Combine(place.Folder, "..", $"{Path.GetFileName(place.Folder)}.wal");
        var copy = $"{place.Folder}-copy";
        try
        {
            await using (var server = KvorumProcess.Start(["start", "--id", "node-1", .. place.Flags]))
            {
                await server.Says("is ready");
                await Prints(0, "ok=true", "put", "hello", "world", "--addr", place.Addr);
                await Prints(0, "ok=true", "put", "a", "1", "--addr", place.Addr);
                await Prints(0, "ok=true", "del", "a", "--addr", place.Addr);
                await Prints(2, $"(pid {server.Id})", "doctor", "--data", place.Folder);
                await Prints(2, "Stop the node first", "wal", "export", "--data", place.Folder, "--out", wal);
                server.Terminate();
                await server.Exit();
            }

            var before = Content(place.Folder);
            await Prints(0, "healthy: no damage", "doctor", "--data", place.Folder);
            await Prints(0, "exported ", "wal", "export", "--data", place.Folder, "--out", wal);
            Assert.Equal(before, Content(place.Folder));
            var exported = await File.ReadAllBytesAsync(wal, TestContext.Current.CancellationToken);
            var hello = Convert.FromHexString("010500000068656c6c6f05000000776f726c64");
            Assert.True(exported.AsSpan().IndexOf(hello) >= 0, Convert.ToHexString(exported));

            await Prints(
                0, "{\"puts\":", "wal", "export", "--data", place.Folder, "--out", $"{wal}.2", "--json");
            File.Delete($"{wal}.2");
            await Prints(2, "is there already", "wal", "export", "--data", place.Folder, "--out", wal);
            await Prints(2, "is not empty", "wal", "import", "--data", place.Folder, "--in", wal);
            await Prints(
                0, "{\"records\":", "wal", "import", "--data", copy, "--in", wal, "--id", "node-2", "--json");
            await Prints(0, "healthy: no damage", "doctor", "--data", copy);
            Assert.False(Directory.Exists($"{copy}.importing"));
            await using var second = KvorumProcess.Start(["start", .. (place with { Folder = copy }).Flags]);
            await second.Says("is ready");
            await Prints(0, "node_id=node-2", "health", "--addr", place.Addr);
            await Prints(0, "value=\"world\"", "get", "hello", "--addr", place.Addr);
            await Prints(1, "not found", "get", "a", "--addr", place.Addr);
        }
        finally
        {
            File.Delete(wal);
            if (Directory.Exists(copy))
                Directory.Delete(copy, recursive: true);
        }
    }

    [Fact]
    public async Task Damage_is_told_and_nothing_is_made_of_it()
    {
        var folder = Directory.CreateTempSubdirectory("kvorum-test-").FullName;
        try
        {
            var wal = Path.Combine(folder, "bad.wal");
            await File.WriteAllBytesAsync(
                wal, Convert.FromHexString("010500000068656c6c6f05000000776f726c6401"),
                TestContext.Current.CancellationToken);
            var target = Path.Combine(folder, "new");
            await Prints(
                1, "the record at offset 19 is damaged", "wal", "import", "--data", target, "--in", wal);
            Assert.Equal([wal], Directory.GetFileSystemEntries(folder));

            var data = Path.Combine(folder, "data");
            Directory.CreateDirectory(data);
            await File.WriteAllTextAsync(
                Path.Combine(data, "identity.json"), "{", TestContext.Current.CancellationToken);
            await Prints(1, "DAMAGE  identity.json: ", "doctor", "--data", data);
            var (code, json, _) = await KvorumProcess.Run("doctor", "--data", data, "--json");
            Assert.Equal(1, code);
            using var parsed = JsonDocument.Parse(json);
            Assert.False(parsed.RootElement.GetProperty("healthy").GetBoolean());
            var finding = parsed.RootElement.GetProperty("findings")[0];
            Assert.Equal("damage", finding.GetProperty("kind").GetString());
            Assert.Equal("identity.json", finding.GetProperty("file").GetString());
            await Prints(1, "see kvorum doctor", "wal", "export", "--data", data, "--out", $"{target}.wal");
            await Prints(2, "no such folder", "doctor", "--data", target);
            Assert.Equal([data, wal], Directory.GetFileSystemEntries(folder).Reverse());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task What_may_not_be_read_is_one_message_and_no_damage()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var place = ServerPlace.Free(1)[0];
        await using (var server = KvorumProcess.Start(["start", .. place.Flags]))
        {
            await server.Says("is ready");
            server.Terminate();
            await server.Exit();
        }

        // Root may read everything unless it gives that right up.
        const string limited =
            "[ $(id -u) -ne 0 ] || K=\"setpriv --bounding-set=-dac_override,-dac_read_search $K\"\n";
        string[] hidden = [$"{place.Folder}/log", $"{place.Folder}/identity.json", place.Folder,
            .. Directory.GetFiles($"{place.Folder}/log")];
        foreach (var path in hidden)
        {
            var mode = File.GetUnixFileMode(path);
            File.SetUnixFileMode(path, UnixFileMode.None);
            var wal = Path.GetTempPath() + Guid.NewGuid();
            foreach (var command in (string[])["doctor", $"wal export --out {wal}"])
            {
                var (code, output, errors) = await Shell.Run($"{limited}$K {command} --data {place.Folder}");
                Assert.Equal((2, ""), (code, output));
                Assert.Contains($"{path}: this user may not read it", errors, StringComparison.Ordinal);
                Assert.Single(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
                Assert.False(Path.Exists(wal));
            }

            var start = await Shell.Run($"{limited}$K start {string.Join(' ', place.Flags)}");
            Assert.Equal(1, start.Code);
            Assert.DoesNotContain("   at ", start.Output + start.Errors, StringComparison.Ordinal);
            Assert.DoesNotContain("fault of this program", start.Errors, StringComparison.Ordinal);
            File.SetUnixFileMode(path, mode);
        }

        await Prints(0, "healthy", "doctor", "--data", place.Folder);
    }

    [Fact]
    public async Task A_read_only_folder_is_said_to_be_read_only()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var place = ServerPlace.Free(1)[0];
        await File.WriteAllTextAsync(
            $"{place.Folder}/LOCK", "", TestContext.Current.CancellationToken);
        // A mount of its own, in a name space that ends with the script.
        var script = $$"""
            [ $(id -u) -eq 0 ] && new="unshare -m" || new="unshare -rm"
            $new bash -c 'mount --bind {{place.Folder}} {{place.Folder}} || exit 9
              mount -o remount,ro,bind {{place.Folder}} || exit 9
              "$K" start {{string.Join(' ', place.Flags)}}
              [ $? -eq 1 ] || exit 8
              "$K" doctor --data {{place.Folder}}'
            """;
        var (code, output, errors) = await Shell.Run(script);
        Assert.True(code == 0, output + errors);
        Assert.Contains($"{place.Folder}: is on a read-only file system", errors, StringComparison.Ordinal);
        Assert.DoesNotContain("in use", errors, StringComparison.Ordinal);
        Assert.Contains("healthy", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("doctor --data /dev/null", "/dev/null is a file. Give --data a node's data folder.")]
    [InlineData("doctor --data /dev/null/x", "no such folder")]
    [InlineData("wal import --data /tmp/none --in /tmp", "/tmp is a folder: give --in the log")]
    [InlineData("wal import --data /tmp/none --in /tmp/none.wal", "/tmp/none.wal: no such file")]
    [InlineData("wal import --data /tmp/none --in /dev/null/x", "no such file")]
    [InlineData("wal export --data /tmp/none --out x", "/tmp/none: no such folder")]
    public async Task A_path_of_another_kind_is_told(string line, string text) =>
        await Prints(2, text, line.Split(' '));

    [Theory]
    [InlineData("doctor", "--data")]
    [InlineData("wal export --out x", "--data")]
    [InlineData("wal import --in /dev/null", "--data")]
    [InlineData("wal import --data /tmp/none", "--in")]
    public async Task An_empty_path_is_told(string line, string flag) =>
        await Prints(2, $"{flag} is empty", [.. line.Split(' '), flag, ""]);

    private static async Task Prints(int code, string text, params string[] args)
    {
        var (actual, output, errors) = await KvorumProcess.Run(args);
        Assert.Contains(text, output + errors, StringComparison.Ordinal);
        Assert.Equal(code, actual);
    }

    private static List<(string Path, string Bytes)> Content(string folder) =>
    [
        .. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(path => (path, Convert.ToHexString(
                System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path))))),
    ];
}
