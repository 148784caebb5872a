using Kvorum.Node.Groups;
using Kvorum.Node.Replicas;
using Kvorum.Node.Wire;
using Kvorum.Raft;

namespace Kvorum.Node;

/// <summary>
/// Digests: what the replicas of this loop and their peers tell each other of their histories.
/// </summary>
public sealed partial class NodeLoop
{
    private readonly ByteWriter _digests = new();
    private long _digestedMs;

    internal void Receive(NodeId from, List<GroupDigest> digests)
    {
        foreach (var digest in digests)
            Find(digest.Group)?.Receive(from, digest);
    }

    // All groups that a peer shares go in one frame, up to its bound. Groups at rest say nothing else.
    private void SendDigestsIfDue()
    {
        if (NowMs - _digestedMs < Limits.DigestMs)
            return;
        _digestedMs = NowMs;
        foreach (var peer in Cluster.Up.Where(node => node != Cluster.Self))
        {
            _digests.Clear();
            foreach (var replica in _replicas.Values.Where(replica => replica.Identity.Preference.Contains(peer)))
            {
                DigestCodec.Encode(replica.Digest(wantsAnswer: false), _digests);
                if (_digests.Length < Limits.DigestFrameBytes)
                    continue;
                Transport.Send(peer, PeerFrameKind.Digest, _digests.Written);
                _digests.Clear();
            }

            if (_digests.Length > 0)
                Transport.Send(peer, PeerFrameKind.Digest, _digests.Written);
        }
    }
}
