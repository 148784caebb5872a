using System.Security.Cryptography.X509Certificates;
using Kvorum.Server.Certificates;
using Kvorum.Server.Tls;
using Kvorum.Tests.Server.Listeners;
using Microsoft.Extensions.Logging;

namespace Kvorum.Tests.Server.Tls;

public sealed class TlsKeeperTests : IDisposable
{
    private readonly TlsFolder _folder = new();
    private readonly KeptLines _log = new();

    public TlsKeeperTests() => _folder.Issue(CertificateRole.Node, "n1");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void New_files_are_taken_once_they_have_settled()
    {
        using var keeper = Keeper();
        var former = keeper.Now.Own.SerialNumber;
        var next = _folder.Issue(CertificateRole.Node, "n1").SerialNumber;
        keeper.Look();
        Assert.Equal(former, keeper.Now.Own.SerialNumber);
        keeper.Look();
        Assert.Equal(next, keeper.Now.Own.SerialNumber);
        Assert.Equal(2, _log.Lines.Count(
            static line => line.Text.Contains("certificate of n1", StringComparison.Ordinal)));
    }

    [Fact]
    public void What_cannot_be_used_is_told_once_and_the_former_stays()
    {
        using var keeper = Keeper();
        var former = keeper.Now.Own.SerialNumber;
        var key = File.ReadAllText(_folder.Key("n1"));
        foreach (var (break_, told) in new (Action, string)[]
        {
            (() => File.WriteAllText(_folder.Key("n1"), "half"),
                $"--tls-key {_folder.Key("n1")} cannot be used"),
            (() => File.Delete(_folder.Key("n1")), "cannot be read"),
            (() => _folder.Issue(CertificateRole.Node, "n1", days: 0.0001, startsInDays: -1), "has expired"),
            (() => _folder.Issue(CertificateRole.Node, "n1", startsInDays: 1), "is not valid before"),
            (() => _folder.Issue(CertificateRole.Client, "n1"), "extended key usage"),
        })
        {
            _log.Lines.Clear();
            break_();
            for (var n = 0; n < 4; n++)
                keeper.Look();
            Assert.Equal(former, keeper.Now.Own.SerialNumber);
            Assert.Contains(told, Assert.Single(keeper.HealthIssues), StringComparison.Ordinal);
            var (level, text) = Assert.Single(_log.Lines);
            Assert.Equal(LogLevel.Error, level);
            Assert.Contains(told, text, StringComparison.Ordinal);
        }

        Assert.NotEqual("", key);
        _folder.Issue(CertificateRole.Node, "n1");
        keeper.Look();
        keeper.Look();
        Assert.NotEqual(former, keeper.Now.Own.SerialNumber);
        Assert.Empty(keeper.HealthIssues);
    }

    [Fact]
    public void A_start_with_files_that_do_not_fit_says_which()
    {
        using var other = new TlsFolder("Other");
        other.Issue(CertificateRole.Node, "n1");
        Assert.Contains(
            "is signed by no CA", Wrong(other.Files("n1") with { Authorities = _folder.AuthorityFile }),
            StringComparison.Ordinal);
        Assert.Contains("is not the private key", Wrong(_folder.Files("n1") with { Key = other.Key("n1") }),
            StringComparison.Ordinal);
        other.Revoke();
        Assert.Contains("is no CA of the CA file", Wrong(_folder.Files("n1") with { Lists = other.ListFile }),
            StringComparison.Ordinal);
        _folder.Revoke(X509CertificateLoader.LoadCertificateFromFile(_folder.Certificate("n1")));
        Assert.Contains("is revoked", Wrong(_folder.Files("n1", hasList: true)), StringComparison.Ordinal);
        File.WriteAllText(_folder.ListFile, CertificateFiles.ListPem(CertificateMaker.List(
            _folder.Authority, [], DateTimeOffset.UtcNow - TimeSpan.FromDays(3), TimeSpan.FromDays(1))));
        Assert.Contains("it ended at", Wrong(_folder.Files("n1", hasList: true)), StringComparison.Ordinal);
    }

    [Fact]
    public void An_end_that_comes_near_is_an_alert()
    {
        _folder.Issue(CertificateRole.Node, "n1", days: 3);
        using var keeper = Keeper();
        Assert.Contains(
            $"the certificate {_folder.Certificate("n1")} ends at", Assert.Single(keeper.HealthIssues),
            StringComparison.Ordinal);
        keeper.Look();
        keeper.Look();
        Assert.Single(_log.Lines, static line => line.Level == LogLevel.Warning);
    }

    private string Wrong(TlsFiles files) =>
        Assert.Throws<TlsFileException>(() => new TlsKeeper(files, TimeProvider.System, _log)).Message;

    private TlsKeeper Keeper() => new(_folder.Files("n1"), new StillTime(), _log);

    /// <summary>The true time, without timers: the test looks itself.</summary>
    private sealed class StillTime : TimeProvider
    {
        public override ITimer CreateTimer(
            TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            new Timer(static _ => { }, null, Timeout.Infinite, Timeout.Infinite);
    }
}
