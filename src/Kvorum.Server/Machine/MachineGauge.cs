using System.Globalization;
using Kvorum.Node;
using Kvorum.Server.Listeners;

namespace Kvorum.Server.Machine;

/// <summary>
/// What the machine gives this process and how much of it is in use, for the node's status. It looks every
/// few seconds, on a thread of the pool: a status never waits for it.
/// </summary>
internal sealed class MachineGauge : IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    // How long refused connections are told of after the last one.
    private static readonly TimeSpan TellingTime = TimeSpan.FromMinutes(1);

    private readonly MemoryLimit _memory;
    private readonly DescriptorPlan? _descriptors;
    private readonly ConnectionRoom _room;
    private readonly Timer _timer;
    private volatile MachineStatus _status;
    private long _refusedSeen;
    private long _refusedMs = long.MinValue / 2;

    public MachineGauge(MemoryLimit memory, DescriptorPlan? descriptors, ConnectionRoom room)
    {
        (_memory, _descriptors, _room) = (memory, descriptors, room);
        _status = Look();
        _timer = new(_ => _status = Look(), null, Period, Period);
    }

    /// <summary>As it was seen last. Any thread.</summary>
    public MachineStatus Status => _status;

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private MachineStatus Look()
    {
        var refused = _room.Refused;
        if (refused != _refusedSeen)
            (_refusedSeen, _refusedMs) = (refused, Environment.TickCount64);
        var isTold = Environment.TickCount64 - _refusedMs < TellingTime.TotalMilliseconds;
        var open = OpenFiles.Count();
        return new()
        {
            OpenFiles = open,
            OpenFilesMax = _descriptors?.Limit ?? 0,
            ConnectionsBelow = _descriptors?.ConnectionsBelow ?? 0,
            ConnectionsRefused = refused,
            MemoryBytes = Environment.WorkingSet,
            MemoryBytesMax = _memory.Bytes,
            MemoryLimitedBy = _memory.Source,
            HealthIssue = !isTold ? null : string.Create(CultureInfo.InvariantCulture,
                $"{refused} connections were closed since the start, the last within a minute: {open} of "
                + $"{_descriptors?.Limit} files are open; close connections, or raise the limit (ulimit -n)"),
        };
    }
}
