using Kvorum.Node.Events;
using Kvorum.Simulator.Processes;

namespace Kvorum.Simulator.Checkers;

// Theorem (ADR 36). A node that was paused itself suspects no peer for the silence of that time: what the
// peers have sent waits in its sockets. It begins to count anew, so the least limit passes first; half of it
// is looked at here, because its clock may be fast.

/// <summary>A pause of its own makes no node suspect others. The theorem is at the top of its file.</summary>
internal static class SuspicionChecker
{
    /// <summary>Looks at a suspicion when it is raised.</summary>
    public static void Look(SimulatedProcess process, PeerSuspected suspected)
    {
        var (fromUs, untilUs) = process.LastPause;
        if (untilUs - fromUs < process.SuspectMinUs)
            return;
        var world = process.Machine.World;
        world.Require(
            world.NowUs - untilUs >= process.SuspectMinUs / 2,
            $"a pause of its own makes no node suspect others: {process.Name} was paused for "
                + $"{(untilUs - fromUs) / 1000} ms until {(world.NowUs - untilUs) / 1000} ms ago, and "
                + $"suspects {suspected.Peer} for a silence of {suspected.SilentMs} ms");
    }
}
