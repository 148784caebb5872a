using System.Globalization;
using Kvorum.Node.Events;
using Kvorum.Node.Membership;
using Kvorum.Raft;

namespace Kvorum.Node.Loops;

/// <summary>
/// Says to each peer that this node lives, and acts on the silence of peers for all groups. Owned by loop 0.
/// </summary>
internal sealed class PeerWatch(NodeContext context, LoopGroup loops)
{
    private long _saidMs;
    private long _toldMs;

    private ClusterView Cluster => context.Cluster;

    /// <summary>Time has passed.</summary>
    public void Tick(long nowMs)
    {
        SayAlive(nowMs);
        foreach (var (peer, silence) in context.Detector.Judge(nowMs))
        {
            if (silence.IsSuspect)
                Suspect(peer, silence, nowMs);
            else
                Unsuspect(peer, nowMs);
        }

        Remind(nowMs);
    }

    // Whatever else is sent: the peers learn from even signs how late frames are.
    private void SayAlive(long nowMs)
    {
        if (nowMs - _saidMs < context.Options.HeartbeatMs)
            return;
        _saidMs = nowMs;
        foreach (var peer in Cluster.Ids)
        {
            if (Cluster.Health.IsConnected(peer))
                context.World.Transport.Send(peer, PeerFrameKind.Alive, []);
        }
    }

    private void Suspect(NodeId peer, PeerSilence silence, long nowMs)
    {
        var reason = string.Create(CultureInfo.InvariantCulture, $"nothing came for {silence.SilentMs} ms");
        if (!Cluster.Health.Suspect(peer, reason, nowMs))
            return;
        Cluster.Tell(new PeerSuspected(Cluster.Members.NameOf(peer), silence.SilentMs, silence.LimitMs));
        loops.PostToAll(new LoopEvent.PeerSuspected(peer));
    }

    private void Unsuspect(NodeId peer, long nowMs)
    {
        var (_, sinceMs, _) = Cluster.Health.StateOf(peer);
        if (!Cluster.Health.Unsuspect(peer, nowMs))
            return;
        Cluster.Tell(new PeerUnsuspected(Cluster.Members.NameOf(peer), nowMs - sinceMs));
        if (Cluster.IsAdmitted && Cluster.Health.IsUp(peer))
            loops.PostToAll(new LoopEvent.PeerUp(peer));
    }

    // The other voters may have come to suspect it later, and have refused their pre-votes until then.
    private void Remind(long nowMs)
    {
        if (nowMs - _toldMs < Limits.SuspectReminderMs)
            return;
        _toldMs = nowMs;
        foreach (var peer in Cluster.Ids.Where(Cluster.Health.IsSuspect))
            loops.PostToAll(new LoopEvent.PeerSuspected(peer));
    }
}
