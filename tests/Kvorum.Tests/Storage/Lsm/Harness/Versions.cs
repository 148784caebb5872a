using Kvorum.Storage.Lsm;

namespace Kvorum.Tests.Storage.Lsm.Harness;

/// <summary>One entry of a run, as the models of the tests keep it.</summary>
internal sealed record Versioned(byte[] Key, ulong Sequence, EntryKind Kind, byte[] Value)
    : IComparable<Versioned>
{
    public int CompareTo(Versioned? other) => Compare(Key, Sequence, other!.Key, other.Sequence);

    /// <summary>By key, then newest first.</summary>
    public static int Compare(byte[] key, ulong sequence, byte[] otherKey, ulong otherSequence)
    {
        var order = key.AsSpan().SequenceCompareTo(otherKey);
        return order != 0 ? order : otherSequence.CompareTo(sequence);
    }

    public override string ToString() =>
        $"{Convert.ToHexString(Key)}@{Sequence}{(Kind == EntryKind.Delete ? "-" : "=")}{Value.Length}";
}

/// <summary>Draws runs of entries and keys with shared prefixes.</summary>
internal static class Versions
{
    /// <summary>A key of few different bytes, so that keys collide and are prefixes of each other.</summary>
    public static byte[] Key(Random random, int lengthMax = 6)
    {
        var key = new byte[random.Next(lengthMax + 1)];
        for (var i = 0; i < key.Length; i++)
            key[i] = (byte)(random.Next(4) switch { 0 => 0, 1 => 1, 2 => 'k', _ => 255 });
        return random.Next(8) == 0 ? [.. "a-long-shared-prefix-"u8, .. key] : key;
    }

    /// <summary>Different entries in order.</summary>
    public static List<Versioned> Run(Random random, int count, ulong sequences = 40, int valueMax = 40)
    {
        var run = new SortedSet<Versioned>();
        for (var i = 0; i < count; i++)
            run.Add(One(random, Key(random), 1 + (ulong)random.NextInt64((long)sequences), valueMax));
        return [.. run];
    }

    public static Versioned One(Random random, byte[] key, ulong sequence, int valueMax)
    {
        var kind = random.Next(4) == 0 ? EntryKind.Delete : EntryKind.Put;
        var value = new byte[kind == EntryKind.Delete ? 0 : random.Next(valueMax + 1)];
        // Some that can be packed, and some that cannot.
        if (random.Next(2) == 0)
            random.NextBytes(value);
        else
            value.AsSpan().Fill((byte)random.Next(3));
        return new Versioned(key, sequence, kind, value);
    }
}
