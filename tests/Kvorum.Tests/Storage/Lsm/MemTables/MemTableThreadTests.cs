using System.Buffers.Binary;
using System.Collections.Concurrent;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.MemTables;

namespace Kvorum.Tests.Storage.Lsm.MemTables;

/// <summary>One writer, two readers: at a published sequence number a reader always sees one state.</summary>
public class MemTableThreadTests
{
    private const int Rounds = 4000;

    private readonly MemTable _table = new();
    private readonly ConcurrentQueue<string> _failures = new();
    private ulong _published;

    [Fact]
    public void Readers_at_a_published_sequence_see_all_of_it_and_nothing_else()
    {
        Thread[] readers = [new(() => Read(seed: 1)), new(() => Read(seed: 2))];
        foreach (var reader in readers)
            reader.Start();
        // Round r writes key r anew, and again one of those before, each with the round as its value: so at
        // sequence r there are exactly r keys, and the newest version of each is known.
        for (ulong round = 1; round <= Rounds && _failures.IsEmpty; round++)
        {
            Write(round, round);
            Write(Rewritten(round), round);
            Volatile.Write(ref _published, round);
        }

        foreach (var reader in readers)
            Assert.True(reader.Join(TimeSpan.FromSeconds(60)));
        Assert.Empty(_failures);
        _table.Release();
    }

    private static ulong Rewritten(ulong round) => (round * 7919 % round) + 1;

    // Spread over all bytes and lengths, so that every kind of node grows and splits while it is read.
    private static byte[] KeyOf(ulong number)
    {
        var mixed = number * 0x9E3779B97F4A7C15;
        var key = new byte[8 + (int)(number % 5 * 3)];
        BinaryPrimitives.WriteUInt64BigEndian(key, (number % 3) switch
        {
            0 => number,
            1 => mixed,
            _ => mixed % 1024,
        });
        BinaryPrimitives.WriteUInt64BigEndian(key.AsSpan(key.Length - 8), number % 2 == 0 ? number : mixed);
        return key;
    }

    private void Write(ulong number, ulong round)
    {
        var value = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(value, number);
        BinaryPrimitives.WriteUInt64LittleEndian(value.AsSpan(8), round);
        _table.Add(KeyOf(number), round, EntryKind.Put, value);
    }

    private void Read(int seed)
    {
        var random = new Random(seed);
        ulong sequence;
        do
        {
            sequence = Volatile.Read(ref _published);
            for (var i = 0; i < 200 && sequence > 0; i++)
                CheckGet((ulong)random.NextInt64((long)sequence) + 1, sequence);
            CheckWalk(sequence, forward: random.Next(2) == 0);
        }
        while (sequence < Rounds && _failures.IsEmpty);
    }

    private void CheckGet(ulong number, ulong sequence)
    {
        if (!_table.TryGet(KeyOf(number), sequence, out _, out var value) ||
            BinaryPrimitives.ReadUInt64LittleEndian(value) != number ||
            BinaryPrimitives.ReadUInt64LittleEndian(value[8..]) > sequence)
            _failures.Enqueue($"key {number} at {sequence}");
    }

    private void CheckWalk(ulong sequence, bool forward)
    {
        using var cursor = _table.OpenCursor(sequence);
        if (forward)
            cursor.SeekToFirst();
        else
            cursor.SeekToLast();
        ulong keys = 0;
        ulong newest = 0;
        byte[] last = [];
        for (var isFirst = true; cursor.IsValid; isFirst = false)
        {
            var order = cursor.Key.SequenceCompareTo(last);
            if (isFirst || order != 0)
                keys++;
            if (!isFirst && (forward ? order < 0 : order > 0))
                _failures.Enqueue($"out of order at {sequence}");
            newest = Math.Max(newest, cursor.Sequence);
            last = cursor.Key.ToArray();
            if (forward)
                cursor.Next();
            else
                cursor.Previous();
        }

        if (keys != sequence || newest != sequence)
            _failures.Enqueue($"{keys} keys up to {newest} at {sequence}, forward {forward}");
    }
}
