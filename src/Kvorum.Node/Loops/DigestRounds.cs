using Kvorum.Node.Groups;
using Kvorum.Node.Wire;

namespace Kvorum.Node.Loops;

/// <summary>
/// Tells the peers now and then what the replicas of this loop have applied, as hashes. All groups that a
/// peer shares go in one frame, up to its bound. Groups at rest say nothing else. Owned by the loop.
/// </summary>
internal sealed class DigestRounds(NodeContext context, LoopClock clock, ReplicaTable replicas)
{
    private readonly ByteWriter _frame = new();
    private long _sentMs;

    /// <summary>Sends a round if one is due.</summary>
    public void Tick()
    {
        if (clock.NowMs - _sentMs < Limits.DigestMs)
            return;
        _sentMs = clock.NowMs;
        foreach (var peer in context.Cluster.PeersUp)
        {
            _frame.Clear();
            foreach (var replica in replicas.Rafts)
            {
                if (!replica.Preference.Contains(peer))
                    continue;
                DigestCodec.Encode(replica.Digest(wantsAnswer: false), _frame);
                if (_frame.Length < Limits.DigestFrameBytes)
                    continue;
                context.World.Transport.Send(peer, PeerFrameKind.Digest, _frame.Written);
                _frame.Clear();
            }

            if (_frame.Length > 0)
                context.World.Transport.Send(peer, PeerFrameKind.Digest, _frame.Written);
        }
    }
}
