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
    private bool _isClosed;

    /// <summary>host:port.</summary>
    public string Address => address;

    /// <summary>False while it is left alone after a failure.</summary>
    public bool MayWork => Environment.TickCount64 >= Volatile.Read(ref _pausedUntilMs);

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
            if (_isClosed)
                return (null, "the client is closed");
            if (!MayWork && slot.Dialling is not { IsCompleted: false })
                return (null, _failure);
            if (slot.Dialling is not { IsCompleted: false })
                slot.Dialling = Task.Run(() => DialAsync(slot), CancellationToken.None);
            dialling = slot.Dialling;
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

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
            _isClosed = true;
        foreach (var slot in _slots)
            Volatile.Read(ref slot.Open)?.Dispose();
    }

    private async Task<NodeConnection?> DialAsync(Slot slot)
    {
        using var patience = new CancellationTokenSource(options.ConnectTimeout);
        try
        {
            var connection = await NodeConnection.DialAsync(
                address, target, options.Name, options.InlineContinuations, _ => lost(this), patience.Token)
                    .ConfigureAwait(false);
            lock (_gate)
            {
                _pauseMs = 0;
                _failure = "";
                Volatile.Write(ref slot.Open, connection);
                if (!_isClosed)
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
