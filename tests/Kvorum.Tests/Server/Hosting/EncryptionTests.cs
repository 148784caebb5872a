using System.Text;
using Kvorum.Client;
using Kvorum.Node;
using Kvorum.Server.Hosting;
using Kvorum.Tests.Cli;

namespace Kvorum.Tests.Server.Hosting;

/// <summary>A node whose data folder is encrypted, and the commands on its folder.</summary>
public sealed class EncryptionTests : IDisposable
{
    private const string Key = "a-key-that-is-known";
    private const string Value = "a-value-that-is-known";

    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-test-").FullName;

    private string Data => Path.Combine(_folder, "data");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private ServerOptions Plain => new()
    {
        Id = "node-1",
        DataFolder = Data,
        ClientAddress = "127.0.0.1:0",
        HttpAddress = "127.0.0.1:0",
        PeerAddress = "127.0.0.1:0",
        Partitions = 4,
    };

    [Fact(Timeout = 120_000)]
    public async Task It_is_switched_on_and_to_another_key_and_off_again_and_keeps_what_it_has()
    {
        var (one, two) = (MakeKey("one"), MakeKey("two"));
        await Run(Plain, async client => await client.PutAsync(Key, Value, cancellationToken: Cancel));
        Assert.NotEmpty(FilesWith("that-is-known"));

        // Switched on: what was plain is rewritten, and then nothing of it is left.
        await Complete(Plain with { MasterKeyFile = one }, "on");
        Assert.Empty(FilesWith("that-is-known"));
        await Run(Plain with { MasterKeyFile = one }, async client =>
        {
            await client.PutAsync($"{Key}-2", Value, cancellationToken: Cancel);
            await Holds(client);
        });
        Assert.Empty(FilesWith("that-is-known"));

        // Another master key, and so another data key; the old one is not needed after.
        var first = await Complete(Plain with { MasterKeyFile = two + "," + one }, "on");
        var second = await Complete(Plain with { MasterKeyCommand = $"cat {two}" }, "on");
        Assert.Equal(first.DataKey, second.DataKey);
        await Refused(Plain with { MasterKeyFile = one }, "keys: data key ", "this is another key");

        await Complete(Plain with { MasterKeyFile = two, Encryption = "off" }, "off");
        Assert.NotEmpty(FilesWith("that-is-known"));
        await Run(Plain, Holds);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_wrong_key_a_missing_one_and_a_removed_flag_are_errors_that_change_nothing()
    {
        var (one, two) = (MakeKey("one"), MakeKey("two"));
        await Run(Plain with { MasterKeyFile = one }, async client =>
            await client.PutAsync(Key, Value, cancellationToken: Cancel));
        var before = Content();
        await Refused(Plain, ".log is encrypted with data key ", "--master-key-file");
        await Refused(Plain with { MasterKeyFile = two }, "keys: data key ", "Give the folder's master key");
        await Refused(
            Plain with { MasterKeyFile = Path.Combine(_folder, "none") }, "it cannot be read", "none");
        File.Move(Path.Combine(Data, "keys"), Path.Combine(_folder, "moved"));
        await Refused(Plain with { MasterKeyFile = one }, "keys: the file is missing", ".log is encrypted");
        await Refused(Plain, "is encrypted with data key ", "--master-key-file");
        File.Move(Path.Combine(_folder, "moved"), Path.Combine(Data, "keys"));
        Assert.Equal(before, Content());
        await Run(Plain with { MasterKeyFile = one }, async client =>
            Assert.Equal(Value, (await client.GetAsync(Key, cancellationToken: Cancel)).Text));
    }

    [Fact(Timeout = 60_000)]
    public async Task Commands_on_the_folder_need_the_key_and_do_with_it_what_they_do_without()
    {
        var key = MakeKey("one");
        await Run(Plain with { MasterKeyFile = key }, async client =>
            await client.PutAsync(Key, Value, cancellationToken: Cancel));
        string[] given = ["--master-key-file", key];
        var wal = Path.Combine(_folder, "out.wal");
        string[][] commands =
        [
            ["doctor", "--data", Data], ["wal", "export", "--data", Data, "--out", wal],
            ["recover", "describe", "--data", Data, "--out", Path.Combine(_folder, "described")],
            ["recover", "plan", "--data", Data, "--out", Path.Combine(_folder, "plan")],
            ["accept-loss", "--data", Data, "--confirm", "node-1"],
            ["discard", "--data", Data, "--partition", "2", "--confirm", "2"],
        ];
        var before = Content();
        foreach (var command in commands)
        {
            var (code, _, errors) = await InProcess.Run(command);
            Assert.True(code != 0, string.Join(' ', command));
            Assert.Contains("is encrypted with data key ", errors, StringComparison.Ordinal);
            Assert.Contains("--master-key-file", errors, StringComparison.Ordinal);
        }

        Assert.Equal(before, Content());
        var doctor = await InProcess.Run([.. commands[0], .. given]);
        Assert.Equal((0, ""), (doctor.Code, doctor.Errors));
        Assert.Contains("healthy: no damage", doctor.Output, StringComparison.Ordinal);
        Assert.Equal(0, (await InProcess.Run([.. commands[1], .. given])).Code);
        Assert.True((await File.ReadAllBytesAsync(wal, Cancel)).AsSpan().IndexOf(Bytes(Value)) >= 0);
        Assert.Equal(0, (await InProcess.Run([.. commands[2], .. given])).Code);
        // What a command writes is encrypted, too.
        var discarded = await InProcess.Run([.. commands[5], .. given]);
        Assert.True(discarded.Code == 0, discarded.Errors);
        Assert.Empty(FilesWith("that-is-known"));
        Assert.Contains(
            "no damage", (await InProcess.Run([.. commands[0], .. given])).Output, StringComparison.Ordinal);

        var copy = Path.Combine(_folder, "copy");
        var import = await InProcess.Run(["wal", "import", "--data", copy, "--in", wal, .. given]);
        Assert.True(import.Code == 0, import.Errors);
        Assert.True(File.Exists(Path.Combine(copy, "keys")));
        Assert.Empty(FilesWith("that-is-known", copy));
    }

    [Fact(Timeout = 60_000)]
    public async Task A_flipped_bit_is_still_damage()
    {
        var key = MakeKey("one");
        var options = Plain with { MasterKeyFile = key };
        await Run(options, async client => await client.PutAsync(Key, Value, cancellationToken: Cancel));
        var log = Directory.GetFiles(Path.Combine(Data, "log"), "*.log").Order().First();
        var bytes = await File.ReadAllBytesAsync(log, Cancel);
        bytes[100] ^= 1;
        await File.WriteAllBytesAsync(log, bytes, Cancel);
        await Refused(options, "damaged at offset", "replace it (kvorum node replace)");
        var doctor = await InProcess.Run("doctor", "--data", Data, "--master-key-file", key);
        Assert.Equal(1, doctor.Code);
        Assert.Contains("DAMAGE", doctor.Output, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task Holds(KvorumClient client)
    {
        Assert.Equal(Value, (await client.GetAsync(Key, cancellationToken: Cancel)).Text);
        Assert.Equal(Value, (await client.GetAsync($"{Key}-2", cancellationToken: Cancel)).Text);
    }

    private static async Task Run(ServerOptions options, Func<KvorumClient, Task> work)
    {
        await using var server = await KvorumServer.StartAsync(options, null, Cancel);
        await using var client = KvorumClient.Connect(
            new() { Addresses = [server.Self.ClientAddress], Timeout = TimeSpan.FromSeconds(20) });
        await work(client);
    }

    /// <summary>Runs until all files are as the flags say.</summary>
    private static async Task<EncryptionStatus> Complete(ServerOptions options, string state)
    {
        await using var server = await KvorumServer.StartAsync(options, null, Cancel);
        while (true)
        {
            var status = (await server.StatusAsync()).Encryption!;
            Assert.Equal(state, status.State);
            if (status.IsComplete)
                return status;
            await Task.Delay(20, Cancel);
        }
    }

    private static async Task Refused(ServerOptions options, params string[] words)
    {
        var error = await Assert.ThrowsAsync<ServerStartException>(
            () => KvorumServer.StartAsync(options, null, Cancel));
        foreach (var word in words)
            Assert.Contains(word, error.Message, StringComparison.Ordinal);
    }

    private string MakeKey(string name)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, Convert.ToHexString(Guid.NewGuid().ToByteArray()) + new string('0', 32));
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return path;
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private string[] FilesWith(string text, string? folder = null) =>
    [
        .. Directory.GetFiles(folder ?? Data, "*", SearchOption.AllDirectories)
            .Where(path => File.ReadAllBytes(path).AsSpan().IndexOf(Bytes(text)) >= 0),
    ];

    // LOCK.pid is of whoever held the folder last.
    private string[] Content() =>
    [
        .. Directory.GetFiles(Data, "*", SearchOption.AllDirectories)
            .Where(static path => !Path.GetFileName(path).StartsWith("LOCK", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(static path => path + Convert.ToHexString(
                System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path)))),
    ];
}
