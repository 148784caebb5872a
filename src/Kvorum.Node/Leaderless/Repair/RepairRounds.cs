using Kvorum.Raft;

namespace Kvorum.Node.Leaderless.Repair;

/// <summary>
/// Decides when this loop's replicas compare what they hold with the other replicas of their groups: each
/// pair once in the interval, and when a peer comes up. Of each pair the node with the lesser id asks. Owned
/// by the node loop.
/// </summary>
internal sealed class RepairRounds(IRepairHost host)
{
    private readonly RepairAnswers _answers = new(host);
    private readonly SortedDictionary<(GroupId Group, NodeId Peer), long> _dueMs = [];
    private RepairExchange? _exchange;

    /// <summary>A message of repair came.</summary>
    public void Take(NodeId from, RepairMessage message)
    {
        if (RepairCodec.IsQuestion(message))
        {
            _answers.Take(from, message);
        }
        else if (_exchange is { } exchange && exchange.Id == message.Id && exchange.Peer == from)
        {
            exchange.Take(message);
            EndIfOver();
        }
    }

    /// <summary>A peer came up: what it missed it should get soon.</summary>
    public void PeerUp(NodeId peer)
    {
        foreach (var replica in host.Replicas)
        {
            if (Asks(replica, peer))
                _dueMs[(replica.Identity.Group, peer)] = host.NowMs;
        }
    }

    /// <summary>A peer is lost.</summary>
    public void PeerLost(NodeId peer)
    {
        if (_exchange is { } exchange && exchange.Peer == peer)
            exchange.Stop();
        EndIfOver();
    }

    /// <summary>Time passes: begins what is due, one exchange at a time.</summary>
    public void Sweep()
    {
        if (_exchange is { } running && host.NowMs - running.ProgressMs > Limits.RepairPatienceMs)
            running.Stop();
        EndIfOver();
        if (_exchange is null && NextToFill() is { } filling)
            Begin(filling.Replica, filling.Peer, filling.Since);
        else if (_exchange is null && Next() is { } next)
            Begin(next.Replica, next.Peer, since: default);
    }

    private bool Asks(QuorumReplica replica, NodeId peer) =>
        host.Cluster.Self < peer && replica.MayAnswer && replica.Preference.Contains(peer);

    // Replicas that are to be filled come first: until they are, one copy less counts.
    private (QuorumReplica Replica, NodeId Peer, Epoch Since)? NextToFill()
    {
        foreach (var replica in host.Replicas)
        {
            foreach (var source in replica.Sources(out var since))
            {
                if (host.Cluster.Health.IsUp(source) && host.NowMs >= _dueMs.GetValueOrDefault(
                    (replica.Identity.Group, source)))
                    return (replica, source, since);
            }
        }

        return null;
    }

    private (QuorumReplica Replica, NodeId Peer)? Next()
    {
        foreach (var replica in host.Replicas)
        {
            if (!replica.MayAnswer)
                continue;
            foreach (var peer in replica.Preference)
            {
                if (Asks(replica, peer) && host.Cluster.Health.IsUp(peer) && IsDue(replica, peer))
                    return (replica, peer);
            }
        }

        return null;
    }

    private bool IsDue(QuorumReplica replica, NodeId peer)
    {
        var pair = (replica.Identity.Group, peer);
        if (_dueMs.TryGetValue(pair, out var dueMs))
            return host.NowMs >= dueMs;
        // Not all at once: the groups of a loop are spread over the interval.
        _dueMs.Add(pair, host.NowMs + (host.SyncIntervalMs * (replica.Identity.Group.Value % 61) / 61));
        return false;
    }

    private void Begin(QuorumReplica replica, NodeId peer, Epoch since)
    {
        replica.Merkle.BuildIfWanted(host.Scan, replica.Damaged);
        if (replica.Merkle.Tree is null)
        {
            _dueMs[(replica.Identity.Group, peer)] = host.NowMs + Limits.RepairRetryMs;
            return;
        }

        _exchange = new(host, replica, peer, since);
        _exchange.Begin();
        EndIfOver();
    }

    private void EndIfOver()
    {
        if (_exchange is not { IsOver: true } exchange)
            return;
        _exchange = null;
        _dueMs[(exchange.Replica.Identity.Group, exchange.Peer)] = host.NowMs
            + (exchange.HasSucceeded ? host.SyncIntervalMs : Limits.RepairRetryMs);
        if (exchange is { IsFilling: true, HasSucceeded: true })
            exchange.Replica.FilledFrom(exchange.Peer);
        exchange.Replica.Repaired(exchange.HasSucceeded, exchange.Moved.Taken, exchange.Moved.Given);
    }
}
