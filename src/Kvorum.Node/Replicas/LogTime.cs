using Kvorum.Node.Clocks;
using Kvorum.Node.State;

namespace Kvorum.Node.Replicas;

/// <summary>
/// Log time as a replica goes on with it, and what a leader must propose because it has come. Owned by the
/// node loop.
/// </summary>
internal sealed class LogTime(IReplicaHost host, IStateMachine machine)
{
    private readonly LogClock _clock = new(machine.LogTimeMs, host.NowMs);
    private long _advancedMs;

    /// <summary>Log time as this replica would go on with it, in milliseconds.</summary>
    public ulong Now => Math.Max(machine.LogTimeMs, _clock.Read(host.NowMs, host.AgreedWallMs));

    /// <summary>Log time for a write that is proposed now.</summary>
    public ulong OfWrite() => Math.Max(
        machine.LogTimeMs, _clock.ReadForWrite(host.NowMs, host.AgreedWallMs, host.WallMs));

    /// <summary>A command is in the log.</summary>
    public void Written() => _clock.Written();

    /// <summary>Entries were applied.</summary>
    public void Applied(bool isLeader) =>
        _clock.Applied(machine.LogTimeMs, host.NowMs, host.AgreedWallMs, isLeader);

    /// <summary>This replica leads no more.</summary>
    public void SteppedDown() => _clock.SteppedDown(host.NowMs);

    /// <summary>
    /// True if a command is due before a replica at rest has been looked at twice.
    /// </summary>
    public bool IsDueSoon => machine.DueMs is { } due && due <= Now + (2 * Limits.RestMs);

    /// <summary>Leader: the command that is due by log time; null while there is none.</summary>
    public byte[]? TakeDue()
    {
        if (machine.DueMs is not { } due || host.NowMs - _advancedMs < Limits.TimeAdvanceMs)
            return null;
        var time = Now;
        if (due > time)
            return null;
        _advancedMs = host.NowMs;
        return machine.DueCommand(time);
    }
}
