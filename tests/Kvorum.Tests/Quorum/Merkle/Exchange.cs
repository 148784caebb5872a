using Kvorum.Quorum;
using Kvorum.Quorum.Merkle;

namespace Kvorum.Tests.Quorum.Merkle;

/// <summary>A replica in memory: keys are numbers, in order.</summary>
internal sealed class Replica(int keysExpected)
{
    private readonly SortedDictionary<int, RecordVersion> _records = [];

    public MerkleTree Tree { get; } = new(MerkleTree.DepthFor(keysExpected));

    public IEnumerable<KeyValuePair<int, RecordVersion>> Records => _records;

    public RecordVersion At(int key) => _records.GetValueOrDefault(key);

    public static ulong HashOf(int key) => KeyHash.Of(BitConverter.GetBytes(key));

    public void Put(int key, RecordVersion version)
    {
        Tree.Replace(HashOf(key), At(key), version);
        _records[key] = version;
    }

    public void Remove(int key)
    {
        Tree.Replace(HashOf(key), At(key), RecordVersion.None);
        _records.Remove(key);
    }

    /// <summary>The records of the leaves, as a walk in the order of keys finds them.</summary>
    public List<(int Key, VersionedKey Pair)> Walk(LeafSet leaves) =>
        [.. _records.Select(record => (record.Key, new VersionedKey(HashOf(record.Key), record.Value, false)))
            .Where(record => leaves.Contains(record.Item2.KeyHash))];
}

/// <summary>An exchange as two nodes carry it out, with the bytes that travel.</summary>
internal static class Exchange
{
    public static (long Hashes, long Values, int Messages) Run(Replica asking, Replica answering)
    {
        long hashes = 2 * MerkleRoot.Size;
        var messages = 2;
        var comparison = new MerkleComparison(asking.Tree, answering.Tree.Root);
        while (comparison.Next() is { } question)
        {
            Assert.True(question.IsValid && question.Size <= 35_000);
            var answer = question.Answer(answering.Tree);
            hashes += question.Size + (2 * answer.Length);
            messages += 2;
            Assert.True(comparison.Answered(answer));
        }

        Assert.True(comparison.IsDone);
        if (comparison.Differing.Count == 0) return (hashes, 0, messages);
        var set = comparison.Differing.Encode();
        var leaves = LeafSet.DecodeOrNull(set)!;
        long values = 0;
        var mine = asking.Walk(leaves);
        var theirs = answering.Walk(leaves);
        int at = 0, other = 0;
        while (at < mine.Count || other < theirs.Count)
        {
            // The range of the batch ends with its last key, or is open; the other side may want it shorter.
            var batch = mine.GetRange(at, Math.Min(PairComparison.PairsPerBatchMax, mine.Count - at));
            var last = at + batch.Count < mine.Count ? batch[^1].Key : int.MaxValue;
            var own = new List<(int Key, VersionedKey Pair)>();
            for (var i = other; i < theirs.Count && theirs[i].Key <= last; i++)
            {
                if (own.Count == PairComparison.PairsPerAnswerMax)
                {
                    last = own[^1].Key;
                    break;
                }

                own.Add(theirs[i]);
            }

            hashes += 32 + set.Length + (VersionedKey.Size * batch.Count);
            if (own.Count == PairComparison.PairsPerAnswerMax)
            {
                batch.RemoveAll(record => record.Key > last);
                hashes += 32 + set.Length + (VersionedKey.Size * batch.Count);
                messages += 2;
            }

            at += batch.Count;
            other += own.Count;
            var send = new List<VersionedKey>();
            var wanted = new List<ulong>();
            PairComparison.Compare(
                [.. batch.Select(record => record.Pair)], [.. own.Select(record => record.Pair)], default,
                send, wanted);
            hashes += 32 + (8 * wanted.Count);
            messages += 2;
            values += send.Count + wanted.Count;
            var keys = batch.Concat(own).ToLookup(record => record.Pair.KeyHash, record => record.Key);
            foreach (var record in send)
            {
                foreach (var key in keys[record.KeyHash].Distinct()) asking.Put(key, record.Version);
            }

            foreach (var hash in wanted)
            {
                foreach (var key in keys[hash].Distinct()) answering.Put(key, asking.At(key));
            }
        }

        return (hashes, values, messages);
    }
}
