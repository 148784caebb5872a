using System.Security.Cryptography.X509Certificates;
using Kvorum.Server.Certificates;

namespace Kvorum.Tests.Cli.Certificates;

public sealed class CertCommandTests : IDisposable
{
    private readonly string _folder =
        Path.Combine(Directory.CreateTempSubdirectory("kvorum-cert-").FullName, "certs");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_folder)!, recursive: true);

    [Fact]
    public async Task A_CA_signs_nodes_and_clients_and_shows_them()
    {
        await Done("ca");
        Assert.Contains("node node-1", await Done("node", "node-1", "--host", "n1.example,10.0.0.1"),
            StringComparison.Ordinal);
        await Done("client", "alice", "--days", "7");
        var shown = await Done("show", At("ca.crt"), At("node-1.crt"), At("alice.crt"));
        Assert.Contains("ca.crt: CA Kvorum CA", shown, StringComparison.Ordinal);
        Assert.Contains("node-1.crt: node node-1", shown, StringComparison.Ordinal);
        Assert.Contains(
            "hosts      n1.example, localhost, 10.0.0.1, 127.0.0.1, ::1", shown, StringComparison.Ordinal);
        Assert.Contains("alice.crt: client alice", shown, StringComparison.Ordinal);
        using var client = X509CertificateLoader.LoadCertificateFromFile(At("alice.crt"));
        Assert.InRange((client.NotAfter - DateTime.Now).TotalDays, 6.9, 7);
        if (OperatingSystem.IsWindows())
            return;
        foreach (var name in new[] { "ca.key", "node-1.key", "alice.key" })
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(At(name)));
    }

    [Fact]
    public async Task No_file_is_overwritten()
    {
        await Done("ca");
        var key = File.ReadAllText(At("ca.key"));
        Assert.Contains("ca.crt is there already, and is not overwritten", await Fails(1, "ca"),
            StringComparison.Ordinal);
        await Done("node", "a");
        File.Delete(At("a.crt"));
        Assert.Contains("a.key is there already", await Fails(1, "client", "a"), StringComparison.Ordinal);
        Assert.Equal(key, File.ReadAllText(At("ca.key")));
        Assert.False(File.Exists(At("a.crt")));
    }

    [Fact]
    public async Task Certificates_are_revoked_by_file_or_number_and_stay_so()
    {
        await Done("ca");
        foreach (var name in new[] { "a", "b", "c" })
            await Done("node", name);
        using var ca = CertificateFiles.Certificates(File.ReadAllBytes(At("ca.crt")))[0];
        string[] serials = [.. new[] { "a", "b" }.Select(name =>
            CertificateFiles.Certificates(File.ReadAllBytes(At(name + ".crt")))[0].SerialNumber)];
        Assert.Contains(
            "1 revoked certificate(s)", await Done("revoke", At("a.crt")), StringComparison.Ordinal);
        await Done("revoke", serials[1]);
        await Done("revoke", "--days", "3");
        var list = Assert.Single(CertificateFiles.Lists(File.ReadAllBytes(At("ca.crl")), [ca]));
        Assert.Equal(serials.Order(StringComparer.Ordinal), list.Serials.Order(StringComparer.Ordinal));
        Assert.InRange((list.Until - DateTimeOffset.UtcNow).TotalDays, 2.9, 3);
        Assert.Contains(serials[0], await Done("show", At("ca.crl")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_done_is_told()
    {
        Assert.Contains("kvorum cert ca makes one", await Fails(1, "node", "a"), StringComparison.Ordinal);
        await Done("ca");
        Assert.Contains(
            "name '../a': give up to 64", await Fails(2, "node", "../a"), StringComparison.Ordinal);
        Assert.Contains("--host 'a:1': give names or addresses", await Fails(2, "node", "a", "--host", "a:1"),
            StringComparison.Ordinal);
        Assert.Contains("--days '0': give 1 to 36500", await Fails(2, "client", "a", "--days", "0"),
            StringComparison.Ordinal);
        Assert.Contains("it is no file, and no serial number", await Fails(2, "revoke", "nothing"),
            StringComparison.Ordinal);
        File.WriteAllText(At("x.crt"), "x");
        Assert.Contains(
            "it has no certificate in PEM", await Fails(1, "show", At("x.crt")), StringComparison.Ordinal);
    }

    private string At(string name) => Path.Combine(_folder, name);

    private async Task<string> Done(params string[] args)
    {
        var (code, output, errors) = await InProcess.Run(["cert", .. args, "--dir", _folder]);
        Assert.Equal((0, ""), (code, errors));
        return output;
    }

    private async Task<string> Fails(int code, params string[] args)
    {
        var (told, _, errors) = await InProcess.Run(["cert", .. args, "--dir", _folder]);
        Assert.Equal(code, told);
        return errors;
    }
}
