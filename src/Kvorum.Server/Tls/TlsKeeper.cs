using System.Collections.Concurrent;
using System.Globalization;
using Kvorum.Server.Audit;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Tls;

/// <summary>
/// What a node's TLS is made of now. It looks into the files every few seconds: new contents that have stayed
/// the same for one interval are taken for all connections from then on, and connections whose certificate
/// they revoke are closed; what cannot be used is told, and the former contents stay. Any thread.
/// </summary>
internal sealed class TlsKeeper : IDisposable
{
    /// <summary>How often the files are looked at.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan TellingInterval = TimeSpan.FromDays(1);
    private static readonly TimeSpan Notice = TimeSpan.FromDays(14);

    private readonly TlsFiles _files;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<TlsStream, byte> _streams = new();
    private readonly Lock _gate = new();
    private readonly ITimer _timer;
    private volatile TlsMaterial _now;
    private volatile string? _failure;
    private string _mark;
    private string _seen;
    private string _told = "";
    private DateTimeOffset _toldAt;

    /// <summary><see cref="TlsFileException"/> if the files cannot be used.</summary>
    public TlsKeeper(TlsFiles files, TimeProvider time, ILogger log)
    {
        (_files, _time, _log) = (files, time, log);
        var bytes = files.Read();
        _now = files.Load(bytes, time.GetUtcNow());
        _mark = _seen = bytes.Mark;
        Tell();
        _timer = time.CreateTimer(_ => Look(), null, Interval, Interval);
    }

    /// <summary>As the files were when they could be used last.</summary>
    public TlsMaterial Now => _now;

    /// <summary>Gets the connections that are closed; null for none.</summary>
    public AuditLog? Audit { get; set; }

    /// <summary>What an operator should act on, a sentence each.</summary>
    public IReadOnlyList<string> HealthIssues
    {
        get
        {
            List<string> issues = [];
            if (_failure is { } failure)
                issues.Add($"the files of TLS have changed and are not taken: {failure}");
            issues.AddRange(Ends(_time.GetUtcNow()));
            return issues;
        }
    }

    /// <summary>The connection is closed when its certificate is believed no longer.</summary>
    public void Follow(TlsStream stream) => _streams.TryAdd(stream, 0);

    /// <summary>It is closed.</summary>
    public void Forget(TlsStream stream) => _streams.TryRemove(stream, out _);

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    /// <summary>Looks into the files. The timer.</summary>
    internal void Look()
    {
        lock (_gate)
        {
            var bytes = _files.Read();
            // A file after the other is replaced: what is half there is not looked at.
            var isSettled = bytes.Mark == _seen;
            _seen = bytes.Mark;
            if (bytes.Mark == _mark)
                (_failure, _told) = (null, "");
            else if (isSettled && bytes.Mark != _told)
                Take(bytes);
            TellIssues();
        }
    }

    private List<string> Ends(DateTimeOffset now)
    {
        var material = _now;
        IEnumerable<(string What, DateTime End)> all =
        [
            ($"the certificate {_files.Certificate}", material.Own.NotAfter.ToUniversalTime()),
            .. material.Authorities.Lists.Select(
                list => ($"the list of revoked certificates {_files.Lists}", list.Until.UtcDateTime)),
        ];
        return
        [
            .. all.Where(one => one.End - now < Notice).Select(one => string.Create(
                CultureInfo.InvariantCulture,
                $"{one.What} {(now > one.End ? "has ended" : "ends")} at {one.End:u}: replace the file")),
        ];
    }

    private void Take(TlsBytes bytes)
    {
        try
        {
            _now = _files.Load(bytes, _time.GetUtcNow());
            (_mark, _failure, _told) = (bytes.Mark, null, "");
            Tell();
        }
        catch (Exception e)
        {
            // Of whatever kind: the former files are good, and a timer's exception would end the process.
            (_told, _failure) = (bytes.Mark, e.Message);
            Log.NotTaken(_log, e.Message);
            return;
        }

        foreach (var (stream, _) in _streams)
        {
            if (stream.Verdict is not { } verdict || _now.Authorities.WhyNoLonger(verdict) is not { } why)
                continue;
            Log.Closed(_log, $"{verdict.Name}", stream.Remote, why);
            Audit?.Record(new AuditEvent("close_connection", AuditResult.Ok)
            {
                Via = "tls",
                Reason = why,
            }.Of(stream.Identity, stream.Remote));
            stream.Dispose();
        }
    }

    private void Tell()
    {
        var now = _now;
        Log.Loaded(
            _log, now.NodeName, _files.Certificate, now.Own.NotAfter.ToUniversalTime(),
            now.Authorities.Certificates.Count, now.Authorities.Lists.Sum(static list => list.Serials.Count));
        foreach (var one in now.Authorities.Certificates)
        {
            if (_files.Lists.Length > 0 && !now.Authorities.Lists.Any(
                list => list.Issuer.RawData.AsSpan().SequenceEqual(one.RawData)))
                Log.Unwise(_log, $"--tls-crl {_files.Lists} has no list of {one.Subject}: none of its "
                    + "certificates can be revoked");
        }
    }

    private void TellIssues()
    {
        var now = _time.GetUtcNow();
        if (now - _toldAt < TellingInterval)
            return;
        foreach (var issue in Ends(now))
        {
            _toldAt = now;
            Log.Unwise(_log, issue);
        }
    }
}
