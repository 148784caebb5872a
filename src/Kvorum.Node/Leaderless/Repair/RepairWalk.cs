using Kvorum.Quorum;
using Kvorum.Quorum.Merkle;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Leaderless.Repair;

/// <summary>A range of keys as one side of an exchange has it.</summary>
/// <param name="Pairs">Its records in the leaves that differ.</param>
/// <param name="Keys">Their keys, by hash. Of two keys with one hash only one is here.</param>
/// <param name="End">Where the range ends, exclusive; empty: no bound.</param>
internal sealed record WalkedRange(
    VersionedKey[] Pairs, IReadOnlyDictionary<ulong, ReadOnlyMemory<byte>> Keys, ReadOnlyMemory<byte> End);

/// <summary>
/// The walks over keys that repair makes: functions of a view, run as jobs.
/// </summary>
internal static class RepairWalk
{
    /// <summary>
    /// The asking side: its next records in the leaves, as many as one batch has, and where they end.
    /// </summary>
    public static WalkedRange Gather(
        ReadView view, LeafSet leaves, ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> end, long nowMs)
    {
        var pairs = new List<VersionedKey>();
        var keys = new Dictionary<ulong, ReadOnlyMemory<byte>>(); // looked up only
        foreach (var (key, record) in StoredMachine.Records(view, from, end))
        {
            var hash = KeyHash.Of(key.Span);
            if (!leaves.Contains(hash))
                continue;
            if (pairs.Count == PairComparison.PairsPerBatchMax)
                return new([.. pairs], keys, key);
            pairs.Add(PairOf(hash, record, nowMs));
            keys[hash] = key;
        }

        return new([.. pairs], keys, end);
    }

    /// <summary>The other side: compares its records of the range with those that it is told.</summary>
    public static RepairMessage Compare(
        ReadView view, RepairMessage.Pairs asked, LeafSet leaves, long nowMs, HybridTimestamp horizon)
    {
        var own = new List<VersionedKey>();
        var records = new Dictionary<ulong, List<(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Record)>>();
        long bytes = 0;
        foreach (var (key, record) in StoredMachine.Records(view, asked.From, asked.End))
        {
            var hash = KeyHash.Of(key.Span);
            if (!leaves.Contains(hash))
                continue;
            if (own.Count == PairComparison.PairsPerAnswerMax
                || (own.Count > 0 && bytes + record.Length > Limits.RepairRangeBytes))
                return new RepairMessage.TooMany(asked.Id, asked.Group, key);
            bytes += record.Length;
            own.Add(PairOf(hash, record, nowMs));
            if (!records.TryGetValue(hash, out var same))
                records.Add(hash, same = []);
            same.Add((key, record));
        }

        var (toSend, wanted) = (new List<VersionedKey>(), new List<ulong>());
        PairComparison.Compare(
            asked.Own, [.. own], asked.Horizon > horizon ? asked.Horizon : horizon, toSend, wanted);
        var commands = new List<ReadOnlyMemory<byte>>();
        foreach (var hash in toSend.Select(static pair => pair.KeyHash).Distinct())
        {
            foreach (var (key, record) in records[hash])
                commands.Add(StoreCommand.Encode("", 0, key.Span, StoredRecord.Read(record)));
        }

        return new RepairMessage.Records(asked.Id, asked.Group, commands, wanted);
    }

    private static VersionedKey PairOf(ulong hash, ReadOnlyMemory<byte> bytes, long nowMs)
    {
        var record = StoredRecord.Read(bytes);
        return new(hash, record.Version, !record.IsPresent(nowMs));
    }
}
