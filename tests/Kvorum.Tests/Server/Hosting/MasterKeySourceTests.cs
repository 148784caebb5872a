using System.Text;
using Kvorum.Server.Hosting;
using Kvorum.Storage.Encryption;
using Kvorum.Storage.Keys;

namespace Kvorum.Tests.Server.Hosting;

public sealed class MasterKeySourceTests : IDisposable
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(static i => (byte)i)];

    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-test-").FullName;

    [Fact]
    public void Nothing_given_is_no_keys() =>
        Assert.Same(FolderKeys.None, MasterKeySource.Load("", "", encrypts: true));

    [Fact]
    public void A_key_is_32_bytes_in_hexadecimal_digits_or_base64()
    {
        var id = new MasterKey(Key).Id;
        foreach (var text in new[]
        {
            Convert.ToHexString(Key), Convert.ToHexStringLower(Key), $"{Convert.ToBase64String(Key)}\n",
            $"\r\n  {Convert.ToBase64String(Key)}\r\n\r\n",
        })
            Assert.Equal([id], Ids(MasterKeySource.Load(Write("key", text), "", true)));
    }

    [Fact]
    public void Several_keys_keep_their_order()
    {
        var (one, two) = (Write("one", Text(1)), Write("two", $"{Text(2)}\n{Text(3)}\n"));
        Assert.Equal(
            [Id(2), Id(3), Id(1)], Ids(MasterKeySource.Load($"{two}, {one}", "", true)));
    }

    [Theory]
    [InlineData("", "0 lines")]
    [InlineData("00ff", "line 1 is no key")]
    [InlineData("not base64 at all", "line 1 is no key")]
    [InlineData("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g", "line 1 is no key")]
    public void What_is_no_key_is_refused_with_the_file_and_without_its_content(string text, string what)
    {
        var path = Write("key", text);
        var error = Assert.Throws<KeyException>(() => MasterKeySource.Load(path, "", true));
        Assert.StartsWith($"--master-key-file {path}: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(what, error.Message, StringComparison.Ordinal);
        if (text.Length > 0)
            Assert.DoesNotContain(text, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_others_may_read_or_that_is_not_there_is_refused()
    {
        var missing = Path.Combine(_folder, "missing");
        Assert.Contains(
            $"--master-key-file {missing}: it cannot be read",
            Assert.Throws<KeyException>(() => MasterKeySource.Load(missing, "", true)).Message,
            StringComparison.Ordinal);
        if (OperatingSystem.IsWindows())
            return;
        var path = Write("key", Text(1));
        UnixFileMode[] modes = [UnixFileMode.GroupRead, UnixFileMode.OtherRead, UnixFileMode.OtherWrite];
        foreach (var mode in modes)
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | mode);
            Assert.EndsWith(
                $"chmod 600 {path}",
                Assert.Throws<KeyException>(() => MasterKeySource.Load(path, "", true)).Message,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_command_is_run_without_a_shell_and_its_output_is_the_key()
    {
        if (OperatingSystem.IsWindows())
            return;
        Write("key", Text(1));
        Assert.Equal([Id(1)], Ids(MasterKeySource.Load("", $"cat {Path.Combine(_folder, "key")}", true)));
        // No word means anything to a shell: cat is given names of files that are not there.
        var made = Path.Combine(_folder, "made");
        Fails($"cat $HOME ; touch {made}", "it ended with 1");
        Assert.False(File.Exists(made));
        Fails("false", "it ended with 1");
        Fails("/no/such/program", "it cannot be run");
        Fails(" ", "it cannot be run");
        Fails("echo no-key", "line 1 is no key");
        Fails("cat /dev/zero", "more than 16384 bytes");
    }

    [Fact]
    public void A_file_and_a_command_are_not_given_both() => Assert.Contains(
        "give one of them", Assert.Throws<KeyException>(() => MasterKeySource.Load("a", "b", true)).Message,
        StringComparison.Ordinal);

    [Theory]
    [InlineData("maybe", "", "", "--encryption 'maybe': it is 'on' or 'off'")]
    [InlineData("on", "a", "b", "--master-key-file and --master-key-command: give one of them")]
    [InlineData("off", "", "", "--encryption off needs the master key")]
    public void Flags_that_make_no_sense_are_refused(
        string encryption, string file, string command, string expected)
    {
        var options = new ServerOptions
        {
            Encryption = encryption,
            MasterKeyFile = file,
            MasterKeyCommand = command,
        };
        Assert.StartsWith(expected, Assert.Single(options.Validate()), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static void Fails(string command, string what)
    {
        var error = Assert.Throws<KeyException>(() => MasterKeySource.Load("", command, true));
        Assert.StartsWith($"--master-key-command {command}: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(what, error.Message, StringComparison.Ordinal);
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text, Encoding.ASCII);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return path;
    }

    private static string Text(byte first) => Convert.ToBase64String([first, .. Key[1..]]);

    private static ulong Id(byte first) => new MasterKey([first, .. Key[1..]]).Id;

    private static IEnumerable<ulong> Ids(FolderKeys keys) => keys.Masters.Select(static key => key.Id);
}
