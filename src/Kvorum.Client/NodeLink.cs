using System.Net.Sockets;
using Kvorum.Protocol;

namespace Kvorum.Client;

/// <summary>
/// The way to one node: a few connections, dialled when they are needed. After a failure it is not tried
/// again for a while that grows to a second, so that callers turn to other nodes at once.
/// </summary>
internal sealed class NodeLink(
    string address, HostPort target, KvorumClientOptions options, Action<NodeLink> lost) : IDisposable
{
    private const int PauseMinMs = 20;
    private const int PauseMaxMs = 1000;

    private readonly Lock _gate = new();
    private readonly Slot[] _slots =
        [.. Enumerable.Range(0, options.ConnectionsPerNode).Select(static _ => new Slot())];
    private long _pausedUntilMs;
    private int _pauseMs;
    private string _failure = "";
    private string _closed = "";

    /// <summary>host:port.</summary>
    public string Address => address;

    /// <summary>
    /// True for a node that the program has named: it is reached whether or not it is a member.
    /// </summary>
    public bool IsNamed { get; set; }

    /// <summary>True if no connection is open.</summary>
    public bool IsCutOff => Array.TrueForAll(_slots, static slot => slot.Open is not { IsClosed: false });

    private bool IsPaused => Environment.TickCount64 < Volatile.Read(ref _pausedUntilMs);

    /// <summary>
    /// False if it failed when it was dialled last. It is dialled again after a while, in the background: no
    /// call waits for a node that was gone before, while there is another.
    /// </summary>
    public bool MayWork()
    {
        if (Volatile.Read(ref _pauseMs) == 0)
            return Volatile.Read(ref _closed).Length == 0;
        if (!IsPaused)
        {
            lock (_gate)
            {
                if (_closed.Length == 0 && !IsPaused
                    && Array.Find(_slots, static slot => slot.Open is not { IsUsable: true }) is { } slot)
                    _ = Dial(slot);
            }
        }

        return false;
    }

    /// <summary>
    /// A connection for calls of this partition, if one is open: always the same one, so that a partition's
    /// calls stay in order on the wire.
    /// </summary>
    public NodeConnection? Open(uint partition)
    {
        var open = Volatile.Read(ref _slots[partition % (uint)_slots.Length].Open);
        return open is { IsUsable: true } ? open : null;
    }

    /// <summary>As <see cref="Open"/>, but dials if need be; null and why if that fails.</summary>
    public async ValueTask<(NodeConnection? Connection, string Failure)> ReachAsync(
        uint partition, long deadlineMs, CancellationToken cancelled)
    {
        if (Open(partition) is { } open)
            return (open, "");
        Task<NodeConnection?> dialling;
        var slot = _slots[partition % (uint)_slots.Length];
        lock (_gate)
        {
            if (_closed.Length > 0)
                return (null, _closed);
            if (IsPaused && slot.Dialling is not { IsCompleted: false })
                return (null, _failure);
            dialling = Dial(slot);
        }

        try
        {
            var patience = TimeSpan.FromMilliseconds(Math.Max(1, deadlineMs - Environment.TickCount64));
            return (await dialling.WaitAsync(patience, cancelled).ConfigureAwait(false), _failure);
        }
        catch (TimeoutException)
        {
            return (null, $"{Address} could not be reached in time");
        }
    }

    /// <summary>Ends calls whose time is up.</summary>
    public void Sweep(long nowMs, List<ulong> overdue)
    {
        foreach (var slot in _slots)
            Volatile.Read(ref slot.Open)?.Sweep(nowMs, overdue);
    }

    /// <summary>The node is no member any more: calls under way end, and no more are taken.</summary>
    public void LetGo()
    {
        lock (_gate)
            _closed = $"{address} is no member any more";
        foreach (var slot in _slots)
            Volatile.Read(ref slot.Open)?.LetGo();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
            _closed = "the client is closed";
        foreach (var slot in _slots)
            Volatile.Read(ref slot.Open)?.Dispose();
    }

    /// <summary>The attempt under way, or a new one. Under the lock.</summary>
    private Task<NodeConnection?> Dial(Slot slot) =>
        slot.Dialling is { IsCompleted: false } dialling ? dialling
            : slot.Dialling = Task.Run(() => DialAsync(slot), CancellationToken.None);

    private async Task<NodeConnection?> DialAsync(Slot slot)
    {
        using var patience = new CancellationTokenSource(
            options.Tls is null ? options.ConnectTimeout : options.ConnectTimeout * 2);
        try
        {
            var connection = await NodeConnection.DialAsync(
                address, target, options, _ => lost(this), patience.Token)
                    .ConfigureAwait(false);
            lock (_gate)
            {
                _pauseMs = 0;
                _failure = "";
                Volatile.Write(ref slot.Open, connection);
                if (_closed.Length == 0)
                    return connection;
            }

            connection.Dispose();
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
        {
            var reason = e is OperationCanceledException ? "no answer in time" : e.Message;
            lock (_gate)
            {
                _failure = $"{Address} cannot be reached: {reason}";
                _pauseMs = Math.Clamp(_pauseMs * 2, PauseMinMs, PauseMaxMs);
                var jitter = Random.Shared.Next((_pauseMs / 2) + 1);
                Volatile.Write(ref _pausedUntilMs, Environment.TickCount64 + (_pauseMs / 2) + jitter);
            }
        }

        return null;
    }

    /// <summary>One of the node's connections.</summary>
    private sealed class Slot
    {
        public NodeConnection? Open;
        public Task<NodeConnection?>? Dialling;
    }
}
