using System.Buffers;
using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Audit;

/// <summary>
/// Who did what, when, from where and with which result, one JSON object a line: open this first.
/// <see cref="Record"/> never waits for the disk. A thread writes; what has been written is on disk within a
/// second. While the disk fails, events wait; when too many do, further ones are lost, and that is told: in
/// the node's log, in its status, and by an event of its own as soon as there is room. Any thread.
/// </summary>
internal sealed class AuditLog : IDisposable
{
    private const int BatchBytesMax = 1 << 20;

    private static readonly TimeSpan SyncInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(5);

    // How long an operator is told of lost events.
    private static readonly TimeSpan TellingTime = TimeSpan.FromDays(1);

    private readonly string _path;
    private readonly string _node;
    private readonly AuditBounds _bounds;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly AuditFile _file;
    private readonly Thread _thread;

    // Monitor, not Lock: the thread sleeps on it without spinning.
    private readonly object _gate = new();
    private readonly Queue<(AuditEvent Event, long Number, DateTimeOffset Time)> _queued = new();
    private long _number;
    private long _untold;
    private bool _isEnding;

    // Of the writing thread.
    private readonly ArrayBufferWriter<byte> _batch = new();
    private int _batchCount;
    private long _syncedAt;
    private bool _isDirty;

    private long _lost;
    private long _written;
    private DateTimeOffset _lostAt;
    private volatile string? _failure;

    /// <summary>
    /// <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> if the file cannot be had.
    /// </summary>
    public AuditLog(
        string path, string node, TimeProvider time, ILogger log, AuditBounds? bounds = null,
        Func<string, Stream>? open = null)
    {
        (_path, _node, _time, _log, _bounds) = (path, node, time, log, bounds ?? new());
        _file = new(path, _bounds, open);
        _syncedAt = time.GetTimestamp();
        _thread = new Thread(Work) { Name = "kvorum-audit", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Events that were written since the start.</summary>
    public long Written => Interlocked.Read(ref _written);

    /// <summary>Events that were lost since the start.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>What an operator should act on; null if nothing.</summary>
    public string? HealthIssue
    {
        get
        {
            lock (_gate)
            {
                if (_failure is { } why)
                    return string.Create(
                        CultureInfo.InvariantCulture,
                        $"--audit-log {_path} cannot be written: {why}; {_queued.Count} event(s) wait, "
                        + $"{_lost} are lost");
                return _lost == 0 || _time.GetUtcNow() - _lostAt > TellingTime ? null : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{_lost} event(s) are missing in --audit-log {_path}, the last at {_lostAt:u}");
            }
        }
    }

    /// <summary>Takes note of an event. Never blocks, never throws.</summary>
    public void Record(AuditEvent happened)
    {
        happened = happened with { Reason = AuditLine.Cut(happened.Reason), On = AuditLine.Cut(happened.On) };
        lock (_gate)
        {
            var (number, now) = (++_number, _time.GetUtcNow());
            if (_isEnding || _queued.Count >= _bounds.QueueMax)
            {
                _lost++;
                _untold++;
                _lostAt = now;
                return;
            }

            _queued.Enqueue((happened, number, now));
            if (_queued.Count == 1 && _failure is null)
                Monitor.Pulse(_gate);
        }
    }

    /// <summary>Writes what waits, as far as the disk takes it, and ends.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isEnding)
                return;
            _isEnding = true;
            Monitor.Pulse(_gate);
        }

        // A disk that hangs must not keep the node from ending.
        if (!_thread.Join(EndPatience))
            Log.EndsWithLoss(_log, _path, _lost + _queued.Count);
    }

    private void Work()
    {
        while (Gather())
        {
            try
            {
                if (_batchCount > 0)
                    Write();
                if (_isDirty && (_isEnding || _time.GetElapsedTime(_syncedAt) >= SyncInterval))
                    Sync();
                if (_failure is not null)
                    Log.WrittenAgain(_log, _path, Lost);
                _failure = null;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException
                or NotSupportedException)
            {
                if (_failure is null)
                    Log.CannotWrite(_log, _path, e.Message);
                _failure = e.Message;
                if (!Volatile.Read(ref _isEnding))
                    continue;
                int left;
                lock (_gate)
                    left = _queued.Count;
                Log.EndsWithLoss(_log, _path, _lost + _batchCount + left);
                break;
            }
        }

        _file.Dispose();
    }

    /// <summary>
    /// Waits for something to do, and takes a batch; false at the end. After a failure the batch is kept, and
    /// tried again after a pause.
    /// </summary>
    private bool Gather()
    {
        lock (_gate)
        {
            if (_failure is not null && !_isEnding)
                Monitor.Wait(_gate, SyncInterval);
            while (_queued.Count == 0 && _batchCount == 0 && _untold == 0 && !_isEnding)
            {
                if (!Monitor.Wait(_gate, _isDirty ? SyncInterval : Timeout.InfiniteTimeSpan))
                    break;
            }

            while (_batch.WrittenCount < BatchBytesMax && _queued.TryDequeue(out var one))
            {
                AuditLine.Write(_batch, one.Event, _node, one.Number, one.Time);
                _batchCount++;
            }

            if (_untold > 0 && _queued.Count == 0 && _failure is null)
                TellLoss();
            return _batchCount > 0 || _isDirty || !_isEnding;
        }
    }

    private void TellLoss()
    {
        var told = new AuditEvent("audit_events_lost", AuditResult.Unknown)
        {
            Reason = string.Create(
                CultureInfo.InvariantCulture, $"{_untold} event(s) before this one could not be written"),
        };
        _untold = 0;
        AuditLine.Write(_batch, told, _node, ++_number, _time.GetUtcNow());
        _batchCount++;
    }

    private void Write()
    {
        _file.Append(_batch.WrittenSpan);
        Interlocked.Add(ref _written, _batchCount);
        _batch.ResetWrittenCount();
        _batchCount = 0;
        _isDirty = true;
    }

    private void Sync()
    {
        _file.Sync();
        _isDirty = false;
        _syncedAt = _time.GetTimestamp();
    }
}
