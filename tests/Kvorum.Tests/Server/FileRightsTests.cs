using Kvorum.Server;
using Kvorum.Server.Certificates;
using Kvorum.Server.Hosting;
using Kvorum.Tests.Server.Listeners;
using Kvorum.Tests.Server.Tls;

namespace Kvorum.Tests.Server;

/// <summary>Modes of files and folders that a node takes, and those that it makes.</summary>
public sealed class FileRightsTests : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly TlsFolder _tls = new();
    private readonly KeptLines _log = new();

    private static CancellationToken Deadline => TestContext.Current.CancellationToken;

    private string Data => Path.Combine(_tls.Folder, "data");

    private ServerOptions Options => new()
    {
        DataFolder = Data,
        ClientAddress = "127.0.0.1:0",
        HttpAddress = "127.0.0.1:0",
        PeerAddress = "127.0.0.1:0",
    };

    public void Dispose() => _tls.Dispose();

    [Theory]
    [InlineData(0b110_000_000, true)]
    [InlineData(0b100_000_000, true)]
    [InlineData(0b110_100_000, true)]
    [InlineData(0b110_110_000, false)]
    [InlineData(0b110_000_100, false)]
    [InlineData(0b110_100_100, false)]
    [InlineData(0b111_111_111, false)]
    public void A_key_is_for_its_owner_and_group(int mode, bool isTaken)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no modes");
        var key = Path.Combine(_tls.Folder, "secret");
        File.WriteAllText(key, "");
        SetMode(key, (UnixFileMode)mode);
        Assert.Equal(isTaken, FileRights.WhyNoSecret(key) is null);
        // A volume of secrets is full of links, which anybody may read.
        var link = Path.Combine(_tls.Folder, "link");
        File.CreateSymbolicLink(link, key);
        Assert.Equal(isTaken, FileRights.WhyNoSecret(link) is null);
    }

    [Fact]
    public async Task A_key_that_others_may_read_stops_the_start()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no modes");
        _tls.Issue(CertificateRole.Node, "node-1");
        SetMode(_tls.Key("node-1"), Private | UnixFileMode.OtherRead);
        var refused = await Assert.ThrowsAsync<ServerStartException>(
            () => KvorumServer.StartAsync(_tls.Secure(Options, "node-1"), _log, Deadline));
        Assert.Contains("--tls-key", refused.Message, StringComparison.Ordinal);
        Assert.Contains("chmod 600", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_data_folder_that_others_may_write_to_stops_the_start_and_one_to_look_into_is_told()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no modes");
        const UnixFileMode owner = Private | UnixFileMode.UserExecute;
        Directory.CreateDirectory(Data);
        SetMode(Data, owner | UnixFileMode.OtherWrite);
        var refused = await Assert.ThrowsAsync<ServerStartException>(
            () => KvorumServer.StartAsync(Options, _log, Deadline));
        Assert.Contains("every user of this machine may write to it", refused.Message,
            StringComparison.Ordinal);
        SetMode(Data, owner | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        await using (await KvorumServer.StartAsync(Options, _log, Deadline))
            Assert.Contains(_log.Lines, static line =>
                line.Text.Contains("every user of this machine may look into it", StringComparison.Ordinal));
        SetMode(Data, owner | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute);
        _log.Lines.Clear();
        await using (await KvorumServer.StartAsync(Options, _log, Deadline))
            Assert.DoesNotContain(_log.Lines, static line =>
                line.Text.Contains("may look into it", StringComparison.Ordinal));
    }

    private static void SetMode(string path, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, mode);
    }
}
