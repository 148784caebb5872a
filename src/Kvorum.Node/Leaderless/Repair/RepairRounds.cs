using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.Leaderless.Repair;

/// <summary>
/// Decides when this loop's replicas compare what they hold with the other replicas of their groups: each
/// pair once in the interval, when a peer comes up, and when a replica here that had no room has some again.
/// Of each pair the node with the lesser id asks, but for the last. Owned by the node loop.
/// </summary>
internal sealed class RepairRounds(IRepairHost host)
{
    private readonly RepairAnswers _answers = new(host);
    private readonly HorizonRounds _horizons = new(host);
    private readonly SortedDictionary<(GroupId Group, NodeId Peer), long> _dueMs = [];

    // Pairs that could not be compared for the horizon.
    private readonly SortedDictionary<(GroupId Group, NodeId Peer), long> _notBeforeMs = [];

    // Pairs whose replica here has refused writes for want of room, and has room again.
    private readonly SortedSet<(GroupId Group, NodeId Peer)> _missed = [];
    private RepairExchange? _exchange;

    // The last question for a gate, apart from exchanges.
    private (GroupId Group, NodeId Peer) _gateOf;
    private ulong _gateId;
    private long _gateAskedMs = long.MinValue / 2;

    /// <summary>A message of repair came.</summary>
    public void Take(NodeId from, RepairMessage message)
    {
        if (message is RepairMessage.Told told)
        {
            _horizons.Take(from, told);
        }
        else if (RepairCodec.IsQuestion(message))
        {
            _answers.Take(from, message, IsAsking(message.Group));
        }
        else if (_exchange is { } exchange && exchange.Id == message.Id && exchange.Peer == from)
        {
            exchange.Take(message);
            EndIfOver();
        }
        else if (message.Id == _gateId && (message.Group, from) == _gateOf)
        {
            TakeGate(message);
        }
    }

    /// <summary>A peer came up: what it missed it should get soon.</summary>
    public void PeerUp(NodeId peer)
    {
        _horizons.PeerUp();
        foreach (var replica in host.Replicas)
        {
            if (Asks(replica, peer))
                _dueMs[(replica.Identity.Group, peer)] = host.NowMs;
        }
    }

    /// <summary>A peer is lost.</summary>
    public void PeerLost(NodeId peer)
    {
        _answers.PeerLost(peer);
        if (_exchange is { } exchange && exchange.Peer == peer)
            exchange.Stop();
        EndIfOver();
    }

    /// <summary>Time passes: begins what is due, one exchange at a time.</summary>
    public void Sweep()
    {
        if (_exchange is { } running && host.NowMs - running.ProgressMs > running.PatienceMs)
            running.Stop();
        EndIfOver();
        _horizons.Sweep();
        MakeUpForRoom();
        if (_exchange is not null)
        {
            AskForGate();
            return;
        }

        if (NextToFill() is { } filling)
            Begin(filling.Replica, filling.Peer, filling.Since, floor: default);
        else if (_horizons.NextToCompare(MayCompare) is { } round)
            Begin(round.Replica, round.Peer, since: default, round.Floor);
        else if (Next() is { } next)
            Begin(next.Replica, next.Peer, since: default, floor: default);
    }

    // A replica that comes anew takes no write before it knows the gate: it must not wait until others are
    // filled before it. One is asked for at a time, those that did not answer last.
    private void AskForGate()
    {
        if (host.NowMs - _gateAskedMs < Limits.RepairOpenMs)
            return;
        var unknown = host.Replicas.Where(
            replica => !replica.KnowsGate && replica != _exchange?.Replica);
        var all = ToFill(unknown).OrderBy(static one => (one.Replica.Identity.Group, one.Peer)).ToArray();
        if (all.Length == 0)
            return;
        var after = Array.FindIndex(
            all, one => (one.Replica.Identity.Group, one.Peer).CompareTo(_gateOf) > 0);
        var (asking, peer, since) = all[Math.Max(0, after)];
        asking.Merkle.BuildIfWanted(host.Scan, asking.Damaged);
        if (asking.Merkle.Tree is not { } tree)
            return;
        (_gateOf, _gateId, _gateAskedMs) =
            ((asking.Identity.Group, peer), host.NextOperation(), host.NowMs);
        host.Send(peer, new RepairMessage.Open(_gateId, asking.Identity.Group, tree.Root, since));
    }

    private void TakeGate(RepairMessage message)
    {
        var marks = message is RepairMessage.Opened opened ? opened.Marks
            : (message as RepairMessage.Refused)?.Marks;
        if (marks is not { } known || host.ReplicaOf(message.Group) is not { KnowsGate: false } replica)
            return;
        replica.LearnGate(known.Gate);
        // There may be others.
        _gateAskedMs = long.MinValue / 2;
    }

    private void MakeUpForRoom()
    {
        foreach (var replica in host.Replicas)
        {
            if (!replica.HasRoomAgain())
                continue;
            foreach (var peer in replica.Preference.Where(peer => peer != host.Cluster.Self))
            {
                _missed.Add((replica.Identity.Group, peer));
                _dueMs[(replica.Identity.Group, peer)] = host.NowMs;
            }
        }
    }

    // Filling is another matter: what it brings, no other exchange does.
    private bool IsAsking(GroupId group) =>
        _exchange is { IsFilling: false } exchange && exchange.Replica.Identity.Group == group;

    private bool MayCompare(QuorumReplica replica, NodeId peer) => host.Cluster.Health.IsUp(peer)
        && !_answers.IsBusy(replica.Identity.Group)
        && host.NowMs >= _notBeforeMs.GetValueOrDefault((replica.Identity.Group, peer));

    private bool Asks(QuorumReplica replica, NodeId peer) =>
        (host.Cluster.Self < peer || _missed.Contains((replica.Identity.Group, peer)))
        && replica.MayAnswer && replica.Preference.Contains(peer);

    // Replicas that are to be filled come first: until they are, one copy less counts.
    private (QuorumReplica Replica, NodeId Peer, Epoch Since)? NextToFill()
    {
        foreach (var one in ToFill(host.Replicas))
        {
            if (host.NowMs >= _dueMs.GetValueOrDefault((one.Replica.Identity.Group, one.Peer)))
                return one;
        }

        return null;
    }

    private IEnumerable<(QuorumReplica Replica, NodeId Peer, Epoch Since)> ToFill(
        IEnumerable<QuorumReplica> replicas)
    {
        foreach (var replica in replicas)
        {
            foreach (var source in replica.Sources(out var since).Where(host.Cluster.Health.IsUp))
                yield return (replica, source, since);
        }
    }

    private (QuorumReplica Replica, NodeId Peer)? Next()
    {
        foreach (var replica in host.Replicas)
        {
            if (!replica.MayAnswer || _answers.IsBusy(replica.Identity.Group))
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

    private void Begin(QuorumReplica replica, NodeId peer, Epoch since, HybridTimestamp floor)
    {
        replica.Merkle.BuildIfWanted(host.Scan, replica.Damaged);
        if (replica.Merkle.Tree is null)
        {
            Postpone(replica, peer, Limits.RepairRetryMs);
            return;
        }

        _exchange = new(host, replica, peer, since, floor);
        _exchange.Begin();
        EndIfOver();
    }

    private void EndIfOver()
    {
        if (_exchange is not { IsOver: true } exchange)
            return;
        _exchange = null;
        if (exchange.HasSucceeded || exchange.Replica.WaitsForRoom)
            _missed.Remove((exchange.Replica.Identity.Group, exchange.Peer));
        Postpone(
            exchange.Replica, exchange.Peer,
            exchange.HasSucceeded ? host.SyncIntervalMs : Limits.RepairRetryMs);
        if (exchange.HasSucceeded && exchange.Floor > HybridTimestamp.Zero)
            _horizons.Compared(exchange.Replica, exchange.Peer, exchange.Floor);
        if (exchange is { IsFilling: true, HasSucceeded: true })
            exchange.Replica.FilledFrom(exchange.Peer);
        if (exchange.HasSucceeded)
            exchange.Replica.FoundEqual();
    }

    private void Postpone(QuorumReplica replica, NodeId peer, long ms)
    {
        var pair = (replica.Identity.Group, peer);
        _dueMs[pair] = host.NowMs + ms;
        // The next round is not this one's: only a failure postpones it.
        _notBeforeMs[pair] = host.NowMs + Math.Min(ms, Limits.RepairRetryMs);
    }
}
