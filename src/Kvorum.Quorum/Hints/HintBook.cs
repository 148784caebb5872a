namespace Kvorum.Quorum.Hints;

/// <summary>The part of a replica's data that lost a hint: compare the replicas there at once.</summary>
/// <param name="Group">The partition.</param>
/// <param name="Peer">The node that may lack writes.</param>
public readonly record struct RepairRange(uint Group, PeerId Peer);

/// <summary>Hints of one partition for one node.</summary>
/// <param name="Count">How many.</param>
/// <param name="Bytes">Their bytes on the disk.</param>
/// <param name="Oldest">No hint is older: the partition's horizon waits for it.</param>
public readonly record struct HintPile(long Count, long Bytes, HybridTimestamp Oldest);

/// <summary>
/// Decides about the hints that a node keeps for others (Dynamo, 2007, section 4.6): which are kept, when
/// which are handed over, and what must be repaired because one was not kept. The hints themselves are in the
/// host's durable storage; this is the account of them. Owned by one caller; time is what the host says.
/// </summary>
/// <remarks>
/// <para>One hand-over at a time to each node, with a wait that doubles after failures. A hint is deleted
/// when the node has acknowledged it as durable, and not before.</para>
/// <para>After a restart the host finds its hints and tells them with <see cref="Restore"/>. Marks of lost
/// hints are in memory only: the next exchange of the replicas finds what they stood for.</para>
/// </remarks>
public sealed class HintBook
{
    private static readonly Comparer<RepairRange> ByPeerAndGroup = Comparer<RepairRange>.Create(
        static (left, right) => (left.Peer, left.Group).CompareTo((right.Peer, right.Group)));

    private readonly HintSettings _settings;
    private readonly SortedDictionary<RepairRange, HintPile> _piles = new(ByPeerAndGroup);
    private readonly SortedDictionary<PeerId, Account> _accounts = [];
    private readonly SortedSet<RepairRange> _toRepair = new(ByPeerAndGroup);

    /// <summary>A book without hints.</summary>
    /// <exception cref="ArgumentException">The settings cannot work together; the text says why.</exception>
    public HintBook(HintSettings settings)
    {
        if (settings.Fault() is { } fault) throw new ArgumentException(fault);
        _settings = settings;
    }

    /// <summary>All hints.</summary>
    public long Count { get; private set; }

    /// <summary>The bytes of all hints.</summary>
    public long Bytes { get; private set; }

    /// <summary>Hints that were not kept, or were given up, since the start.</summary>
    public long DroppedCount { get; private set; }

    /// <summary>The ranges to repair at once, in order.</summary>
    public IReadOnlyCollection<RepairRange> ToRepair => _toRepair;

    /// <summary>The hints by partition and node, in order.</summary>
    public IReadOnlyDictionary<RepairRange, HintPile> Piles => _piles;

    /// <summary>
    /// A write did not reach a node that is down. True: the host stores the hint. False: there is no room,
    /// the hint is dropped, and its range is marked for repair.
    /// </summary>
    /// <param name="peer">The node that is down.</param>
    /// <param name="group">The partition.</param>
    /// <param name="bytes">The bytes that the hint takes on the disk.</param>
    /// <param name="version">The version of the write.</param>
    public bool TryKeep(PeerId peer, uint group, long bytes, RecordVersion version)
    {
        var account = AccountOf(peer);
        var hasRoom = account.Bytes + bytes <= _settings.PerNodeBytesMax
            && account.Count < _settings.PerNodeCountMax
            && Bytes + bytes <= _settings.TotalBytesMax
            && Count < _settings.TotalCountMax;
        if (hasRoom)
        {
            Change(new RepairRange(group, peer), 1, bytes, version.Time);
            return true;
        }

        DroppedCount++;
        _toRepair.Add(new RepairRange(group, peer));
        return false;
    }

    /// <summary>Hints that were found on the disk at the start. They are kept, whatever the bounds.</summary>
    public void Restore(PeerId peer, uint group, HintPile pile) =>
        Change(new RepairRange(group, peer), pile.Count, pile.Bytes, pile.Oldest);

    /// <summary>The node can be reached: its hints may be handed over from now on, without a wait.</summary>
    public void PeerUp(PeerId peer)
    {
        var account = AccountOf(peer);
        if (account.IsUp) return;
        account.IsUp = true;
        account.NotBeforeMs = long.MinValue;
        account.Failures = 0;
    }

    /// <summary>The node cannot be reached. A hand-over that is under way fails by itself.</summary>
    public void PeerDown(PeerId peer) => AccountOf(peer).IsUp = false;

    /// <summary>
    /// The hints to hand over next: of the node that has waited longest, and of its partitions the one with
    /// the oldest hints, which holds its horizon back most. It is under way from now on: end it with
    /// <see cref="HandedOver"/> or <see cref="Failed"/>. Null if there is nothing to do now.
    /// </summary>
    public RepairRange? Next(long nowMs)
    {
        Account? best = null;
        PeerId peer = default;
        foreach (var (id, account) in _accounts)
        {
            if (!account.MayStart || account.NotBeforeMs > nowMs) continue;
            if (best is not null && best.NotBeforeMs <= account.NotBeforeMs) continue;
            best = account;
            peer = id;
        }

        if (best is null) return null;
        best.IsUnderWay = true;
        RepairRange? oldest = null;
        foreach (var (range, pile) in _piles)
        {
            if (range.Peer != peer) continue;
            if (oldest is null || pile.Oldest < _piles[oldest.Value].Oldest) oldest = range;
        }

        return oldest;
    }

    /// <summary>
    /// When <see cref="Next"/> has to be asked again at the latest; null: after the next event.
    /// </summary>
    public long? NextAtMs()
    {
        long? least = null;
        foreach (var account in _accounts.Values)
        {
            if (account.MayStart) least = Math.Min(least ?? long.MaxValue, account.NotBeforeMs);
        }

        return least;
    }

    /// <summary>
    /// The node has hints on its disk; the host deletes them. What is not in the pile any more, because the
    /// replica was replaced or the hints were given up meanwhile, is not counted.
    /// </summary>
    /// <param name="range">Whose they were.</param>
    /// <param name="count">How many.</param>
    /// <param name="bytes">Their bytes here.</param>
    /// <param name="oldestLeft">No hint that is left in the pile is older; zero if it is not known.</param>
    /// <param name="nowMs">Now: others have their turn first.</param>
    public void HandedOver(
        RepairRange range, long count, long bytes, HybridTimestamp oldestLeft, long nowMs)
    {
        if (_piles.TryGetValue(range, out var pile))
        {
            var isAll = count >= pile.Count;
            Change(range, -Math.Min(count, pile.Count), -(isAll ? pile.Bytes : Math.Min(bytes, pile.Bytes)),
                oldestLeft);
        }

        var account = AccountOf(range.Peer);
        account.IsUnderWay = false;
        account.Failures = 0;
        account.NotBeforeMs = nowMs;
    }

    /// <summary>A hand-over failed or was refused: the next one to this node waits twice as long.</summary>
    public void Failed(PeerId peer, long nowMs)
    {
        var account = AccountOf(peer);
        account.IsUnderWay = false;
        var wait = _settings.BackOffFirstMs;
        for (var i = 0; i < account.Failures && wait < _settings.BackOffMaxMs; i++) wait *= 2;
        account.NotBeforeMs = nowMs + Math.Min(wait, _settings.BackOffMaxMs);
        account.Failures++;
    }

    /// <summary>A hint that was to be kept was there before, or could not be stored.</summary>
    public void Uncount(PeerId peer, uint group, long bytes)
    {
        var range = new RepairRange(group, peer);
        if (!_piles.TryGetValue(range, out var pile)) return;
        Change(range, -1, -(pile.Count == 1 ? pile.Bytes : Math.Min(bytes, pile.Bytes)), pile.Oldest);
    }

    /// <summary>
    /// The hints are given up: damaged, too old for the horizon, or the partition is gone. The host deletes
    /// them, and the range is marked for repair unless the replica is gone, too.
    /// </summary>
    public void GiveUp(RepairRange range, bool isReplicaGone)
    {
        if (_piles.TryGetValue(range, out var pile))
        {
            DroppedCount += pile.Count;
            Change(range, -pile.Count, -pile.Bytes, pile.Oldest);
            if (!isReplicaGone) _toRepair.Add(range);
        }

        if (isReplicaGone) _toRepair.Remove(range);
    }

    /// <summary>The replicas of a range were compared after the mark was set.</summary>
    public void Repaired(RepairRange range) => _toRepair.Remove(range);

    /// <summary>The oldest hint of a partition for any node; null if there is none.</summary>
    public HybridTimestamp? OldestOf(uint group)
    {
        HybridTimestamp? oldest = null;
        foreach (var (range, pile) in _piles)
        {
            if (range.Group == group && (oldest is null || pile.Oldest < oldest)) oldest = pile.Oldest;
        }

        return oldest;
    }

    private Account AccountOf(PeerId peer)
    {
        if (!_accounts.TryGetValue(peer, out var account)) _accounts[peer] = account = new Account();
        return account;
    }

    private void Change(RepairRange range, long count, long bytes, HybridTimestamp oldest)
    {
        var account = AccountOf(range.Peer);
        var had = _piles.TryGetValue(range, out var pile);
        var isOlder = !had || (count > 0 ? oldest < pile.Oldest : oldest > pile.Oldest);
        pile = new HintPile(pile.Count + count, pile.Bytes + bytes, isOlder ? oldest : pile.Oldest);
        account.Count += count;
        account.Bytes += bytes;
        Count += count;
        Bytes += bytes;
        Invariant.Check(pile is { Count: >= 0, Bytes: >= 0 }, "hints that are handed over were kept before");
        if (pile.Count == 0) _piles.Remove(range);
        else _piles[range] = pile;
    }

    private sealed class Account
    {
        public long Count;
        public long Bytes;
        public bool IsUp;
        public bool IsUnderWay;
        public int Failures;
        public long NotBeforeMs = long.MinValue;

        public bool MayStart => IsUp && !IsUnderWay && Count > 0;
    }
}
