using System.Text.Json;

namespace Kvorum.Tests.Cli.Offline;

public class OfflineCommandTests
{
    [Fact]
    public async Task A_folder_is_checked_exported_and_imported()
    {
        using var place = ServerPlace.Free(1)[0];
        string wal = Path.Combine(place.Folder, "..", $"{Path.GetFileName(place.Folder)}.wal");
        string copy = $"{place.Folder}-copy";
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
            byte[] exported = await File.ReadAllBytesAsync(wal, TestContext.Current.CancellationToken);
            byte[] hello = Convert.FromHexString("010500000068656c6c6f05000000776f726c64");
            Assert.True(exported.AsSpan().IndexOf(hello) >= 0, Convert.ToHexString(exported));

            await Prints(2, "is there already", "wal", "export", "--data", place.Folder, "--out", wal);
            await Prints(2, "is not empty", "wal", "import", "--data", place.Folder, "--in", wal);
            await Prints(0, "imported ", "wal", "import", "--data", copy, "--in", wal, "--id", "node-2");
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
        string folder = Directory.CreateTempSubdirectory("kvorum-test-").FullName;
        try
        {
            string wal = Path.Combine(folder, "bad.wal");
            await File.WriteAllBytesAsync(
                wal, Convert.FromHexString("010500000068656c6c6f05000000776f726c6401"),
                TestContext.Current.CancellationToken);
            string target = Path.Combine(folder, "new");
            await Prints(
                1, "the record at offset 19 is damaged", "wal", "import", "--data", target, "--in", wal);
            Assert.Equal([wal], Directory.GetFileSystemEntries(folder));

            string data = Path.Combine(folder, "data");
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
