using Kvorum.Node.Events;
using Kvorum.Storage.Files;

namespace Kvorum.Node.Loops;

/// <summary>
/// Looks at the room on the disk, once a second, and sooner when much was written since. Owned by loop 0.
/// </summary>
internal sealed class DiskWatch(
    NodeContext context, LoopClock clock, LoopJobs jobs, Action changed)
{
    private bool _isLooking;
    private long _lookedMs;
    private long _writtenAtLook;

    /// <summary>Looks if it is time to.</summary>
    public void Sweep()
    {
        var written = context.Log.Counters.Bytes;
        var isDue = clock.NowMs - _lookedMs >= Limits.DiskLookMs
            || written - _writtenAtLook >= context.Disk.Reserve / 8;
        if (_isLooking || !isDue)
            return;
        (_isLooking, _lookedMs, _writtenAtLook) = (true, clock.NowMs, written);
        DiskRoom room = default;
        jobs.RunInBackground(() => room = context.World.Files.Room(), failure =>
        {
            _isLooking = false;
            // A disk that does not tell is no reason to stop.
            if (failure is null && context.Disk.Judge(room, context.Log.WaitsFor))
            {
                context.Cluster.Tell(new DiskRoomChanged(context.Disk.Free, context.Disk.HealthIssue));
                changed();
            }

            context.Log.Resume();
        });
    }
}
