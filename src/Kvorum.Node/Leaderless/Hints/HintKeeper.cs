using Kvorum.Node.Membership;
using Kvorum.Quorum;
using Kvorum.Quorum.Hints;
using Kvorum.Raft;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Leaderless.Hints;

/// <summary>
/// The hints of this node: keeps writes for replicas on nodes that are down, and hands them over when these
/// are back: one batch at a time to each node, the next as soon as the node has the last one on disk. They
/// lie in a tree of their own, which is a replica that nobody else has. Owned by the loop of
/// <see cref="GroupId.Hints"/>.
/// </summary>
internal sealed class HintKeeper(
    ICoordinatorHost host, Action<Operation> begin, Action<long, Action> pace, Action make,
    HintSettings settings)
{
    private readonly Dictionary<ulong, Action<StoreAnswer>> _storing = []; // looked up only
    private readonly Dictionary<RepairRange, int> _keeping = []; // looked up only
    private readonly HashSet<RepairRange> _handing = []; // looked up only

    // Below it a range has no hints any more: to pass what is left of them anew for each batch takes longer
    // than to hand them over.
    private readonly Dictionary<RepairRange, RecordVersion> _goneBelow = []; // looked up only
    private HintBook _book = new(settings);
    private QuorumReplica? _store;
    private ulong _nextTicket = 1;
    private long _elsewhereMs;
    private long _batchBytes = Limits.HandOverBytes;
    private long _patienceMs = Limits.HandOverFirstMs;
    private HybridTimestamp _told;

    private ClusterView Cluster => host.Cluster;

    /// <summary>Hints that are kept.</summary>
    public long Count => _book.Count;

    /// <summary>Their bytes.</summary>
    public long Bytes => _book.Bytes;

    /// <summary>The partitions and replicas that they are for.</summary>
    public IEnumerable<RepairRange> Ranges => _book.Piles.Keys;

    /// <summary>Hints that were not kept for want of room, or were lost, since the start.</summary>
    public long Dropped { get; private set; }

    /// <summary>Where hints are kept from now on, with those that are there.</summary>
    public void Attach(QuorumReplica store)
    {
        if (store.IsDamaged)
            return;
        _store = store;
        Guarded(() =>
        {
            using var view = store.Tree.OpenView();
            foreach (var (key, record) in StoredMachine.Records(view, default, default))
            {
                var (peer, group, version) = HintKey.Read(key.Span);
                _book.Restore(new(peer.Value), group.Value, new(1, record.Length, version.Time));
            }
        });
        foreach (var peer in Cluster.PeersUp)
            PeerUp(peer);
    }

    // The tree is damaged, and is made anew: what it had is lost.
    private void Detach()
    {
        Dropped += _book.Count;
        (_store, _book) = (null, new(settings));
        var storing = _storing.Values.ToArray();
        _storing.Clear();
        foreach (var stored in storing)
            stored(StoreAnswer.Refused(RefusalReason.Damaged));
        _keeping.Clear();
        _handing.Clear();
        _goneBelow.Clear();
    }

    /// <summary>
    /// Keeps a hint; <paramref name="done"/> is told true when it is durable, false if it is not kept.
    /// </summary>
    public void Keep(Hint hint, Action<bool> done)
    {
        var version = hint.Version;
        var record = new StoredRecord(version, IsDeleted: false, ExpiresMs: 0, hint.Command);
        // What this node has said holds for hints as for writes: nothing older comes from it.
        if (_store is not { IsDamaged: false } store || version.Time < _told
            || !_book.TryKeep(new(hint.Peer.Value), hint.Group.Value, record.Bytes, version))
        {
            Dropped++;
            done(false);
            return;
        }

        var range = new RepairRange(hint.Group.Value, new(hint.Peer.Value));
        _keeping[range] = _keeping.GetValueOrDefault(range) + 1;
        var ticket = TicketFor(answer =>
        {
            _keeping[range] = _keeping.GetValueOrDefault(range) - 1;
            var isKept = answer.Refusal is null;
            // The same hint again counts once.
            if (!isKept || answer.Result == StoreResult.Known)
                _book.Uncount(range.Peer, range.Group, record.Bytes);
            Dropped += isKept ? 0 : 1;
            if (version < _goneBelow.GetValueOrDefault(range))
                _goneBelow[range] = version;
            done(isKept);
        });
        var command = StoreCommand.Encode("", 0, HintKey.Of(hint.Peer, hint.Group, version), record);
        if (store.Take(ticket, command, RecordSource.Write) is { } refusal)
            Stored(ticket, StoreAnswer.Refused(refusal));
    }

    /// <summary>The store answers.</summary>
    public void Stored(StoreTicket ticket, StoreAnswer answer)
    {
        if (_storing.Remove(ticket.Id, out var stored))
            stored(answer);
    }

    /// <summary>A peer can be reached. What is sent first it may not take yet.</summary>
    public void PeerUp(NodeId peer)
    {
        _patienceMs = Limits.HandOverFirstMs;
        _book.PeerUp(new(peer.Value));
    }

    /// <summary>A peer is lost.</summary>
    public void PeerLost(NodeId peer) => _book.PeerDown(new(peer.Value));

    /// <summary>
    /// The oldest hint of each partition. From now on no hint is taken that is older than
    /// <paramref name="low"/>.
    /// </summary>
    public IReadOnlyDictionary<GroupId, HybridTimestamp> Oldest(HybridTimestamp low)
    {
        _told = low > _told ? low : _told;
        var oldest = new Dictionary<GroupId, HybridTimestamp>(); // looked up, and sorted when written
        foreach (var (range, pile) in _book.Piles)
        {
            var group = new GroupId(range.Group);
            if (!oldest.TryGetValue(group, out var known) || pile.Oldest < known)
                oldest[group] = pile.Oldest;
        }

        return oldest;
    }

    /// <summary>Looks for the newest hint of a key.</summary>
    /// <param name="group">The key's partition.</param>
    /// <param name="key">The key.</param>
    /// <param name="run">Runs work on the lane for scans; what comes back runs in the loop.</param>
    /// <param name="done">Told the node it is for, and the record; null if there is none.</param>
    public void Find(
        GroupId group, byte[] key, Action<Action, Action<Exception?>> run, Action<NodeId, StoredRecord?> done)
    {
        var ranges = _book.Piles.Keys.Where(range => range.Group == group.Value).ToArray();
        if (_store is not { IsDamaged: false } store || ranges.Length == 0)
        {
            done(default, null);
            return;
        }

        var view = store.Tree.OpenView();
        (NodeId Peer, StoredRecord? Record) newest = default;
        run(
            () =>
            {
                using (view)
                    newest = Newest(view, ranges, key);
            },
            failure =>
            {
                if (failure is TreeDamagedException damage)
                {
                    store.Damaged(damage);
                }
                else if (failure is not null)
                {
                    throw new NodeFaultException(
                        $"{store.Tree.Folder}: it could not be read: {failure.Message}", failure);
                }

                done(newest.Peer, newest.Record);
            });
    }

    private static (NodeId Peer, StoredRecord? Record) Newest(
        ReadView view, RepairRange[] ranges, ReadOnlySpan<byte> key)
    {
        (NodeId Peer, StoredRecord? Record) newest = default;
        foreach (var range in ranges)
        {
            var peer = new NodeId(range.Peer.Value);
            var (from, end) = HintKey.RangeOf(peer, new(range.Group));
            foreach (var (_, hint) in StoredMachine.Records(view, from, end))
            {
                var command = StoreCommand.Read(StoredRecord.Read(hint).Value);
                if (command.Key.Span.SequenceEqual(key) && !(command.Version <= newest.Record?.Version))
                    newest = (peer, StoredRecord.Read(command.RecordBytes));
            }
        }

        return newest;
    }

    /// <summary>Time passes: hands over what may be handed over.</summary>
    public void Sweep()
    {
        if (_store is { IsDamaged: true })
            Detach();
        if (_store is null)
        {
            if (Cluster.HasQuorumKeyspaces && Cluster.IsAdmitted)
                make();
            return;
        }

        Guarded(() =>
        {
            HandOverNext();
            if (host.NowMs - _elsewhereMs < Limits.HandOverRetryMs)
                return;
            _elsewhereMs = host.NowMs;
            foreach (var range in _book.Piles.Keys.ToArray())
                SendElsewhere(range);
        });
    }

    private void Guarded(Action act)
    {
        try
        {
            act();
        }
        catch (TreeDamagedException damage)
        {
            _store!.Damaged(damage);
            Detach();
        }
    }

    private StoreTicket TicketFor(Action<StoreAnswer> stored)
    {
        var ticket = new StoreTicket(Cluster.Self, _nextTicket++);
        _storing.Add(ticket.Id, stored);
        return ticket;
    }

    private void HandOverNext()
    {
        while (_book.Next(host.NowMs) is { } range)
            HandOver(range);
    }

    private void HandOver(RepairRange range)
    {
        var group = new GroupId(range.Group);
        var placed = Cluster.Placement.Placed(group);
        var nodes = ReplicaNodes.Of(Cluster, placed);
        var number = nodes.NumberOf(new(range.Peer.Value));
        // While replicas change, the new ones may have been filled without it, and the old ones go.
        var targets = number < 0 ? ReplicaMask.None : ReplicaMask.Of(number) | nodes.Change.Next;
        if (!targets.IsEmpty && targets.Except(nodes.Up).IsEmpty)
            HandOver(range, nodes, targets);
        else
            _book.Failed(range.Peer, host.NowMs);
    }

    // The replica is elsewhere by now: all that there are get the write, for it is not known which has it.
    private void SendElsewhere(RepairRange range)
    {
        var group = new GroupId(range.Group);
        if (_handing.Contains(range) || !_book.Piles.ContainsKey(range))
            return;
        if (Cluster.Placement.Placed(group) is not { } placed)
        {
            if (Cluster.IsMetaKnown && !Cluster.IsQuorum(group))
                GiveUp(range);
        }
        else if (!placed.Holders.Contains(new(range.Peer.Value)))
        {
            var nodes = ReplicaNodes.Of(Cluster, placed);
            if (nodes.Up == nodes.All && nodes.Count > 0)
                HandOver(range, nodes, nodes.All);
        }
    }

    private void HandOver(RepairRange range, ReplicaNodes nodes, ReplicaMask targets)
    {
        List<Hint> hints = [];
        var bytes = 0L;
        if (!_handing.Contains(range))
            hints = Read(range, out bytes);
        if (hints.Count == 0)
        {
            // Those that it counts are not durable yet, or under way.
            _goneBelow.Remove(range);
            _book.Failed(range.Peer, host.NowMs);
            return;
        }

        var store = _store;
        _handing.Add(range);
        _goneBelow[range] = hints[^1].Version;
        pace(bytes, () => begin(new HandOver(
            host, new(range.Group), nodes, targets, hints, _patienceMs, isHandedOver =>
            {
                if (_store == store)
                    Ended(range, hints, bytes, isHandedOver);
            })));
    }

    private void Ended(RepairRange range, List<Hint> hints, long bytes, bool isHandedOver)
    {
        if (!isHandedOver)
        {
            // Less at a time gets through a link that is slow, or has little room.
            _batchBytes = Math.Max(_batchBytes / 2, Limits.HandOverBytesLeast);
            _patienceMs = Math.Min(_patienceMs * 2, Limits.HandOverMs);
            _handing.Remove(range);
            _goneBelow.Remove(range);
            _book.Failed(range.Peer, host.NowMs);
            return;
        }

        _batchBytes = Math.Min(_batchBytes * 2, Limits.HandOverBytes);
        Forget(range, hints, () => Guarded(() =>
        {
            _book.HandedOver(range, hints.Count, bytes, OldestLeft(range), host.NowMs);
            // The next batch waits for no sweep.
            HandOverNext();
            SendElsewhere(range);
        }));
    }

    private List<Hint> Read(RepairRange range, out long bytes)
    {
        bytes = 0;
        var (peer, group) = (new NodeId(range.Peer.Value), new GroupId(range.Group));
        var hints = new List<Hint>();
        using var view = _store!.Tree.OpenView();
        foreach (var (_, record) in Left(view, range))
        {
            if (hints.Count > 0 && bytes + record.Length > _batchBytes)
                break;
            hints.Add(new(peer, group, StoredRecord.Read(record).Value));
            bytes += record.Length;
        }

        return hints;
    }

    // What is not durable yet may be older than all that is: then it is not known.
    private HybridTimestamp OldestLeft(RepairRange range)
    {
        if (_keeping.GetValueOrDefault(range) > 0)
            return HybridTimestamp.Zero;
        using var view = _store!.Tree.OpenView();
        foreach (var (key, _) in Left(view, range))
            return HintKey.Read(key.Span).Version.Time;
        return HybridTimestamp.Zero;
    }

    private IEnumerable<(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Record)> Left(
        ReadView view, RepairRange range)
    {
        var (peer, group) = (new NodeId(range.Peer.Value), new GroupId(range.Group));
        var (from, end) = HintKey.RangeOf(peer, group);
        return StoredMachine.Records(
            view, _goneBelow.TryGetValue(range, out var gone) ? HintKey.Of(peer, group, gone) : from, end);
    }

    // First the replicas have them on disk, then they go here.
    private void Forget(RepairRange range, List<Hint> hints, Action forgotten)
    {
        var ticket = TicketFor(answer =>
        {
            _handing.Remove(range);
            if (answer.Refusal is null)
                forgotten();
            else
                _goneBelow.Remove(range);
        });
        _store!.Forget(ticket, hints.Select(hint =>
            (ReadOnlyMemory<byte>)HintKey.Of(hint.Peer, hint.Group, hint.Version)));
    }

    private void GiveUp(RepairRange range)
    {
        _handing.Add(range);
        _goneBelow.Remove(range);
        Forget(range, Read(range, out _), () => Guarded(() =>
        {
            if (Read(range, out _).Count == 0)
                _book.GiveUp(range, isReplicaGone: true);
        }));
    }
}
