using Kvorum.Storage.Lsm;

namespace Kvorum.Tests.Storage.Lsm.Harness;

/// <summary>What a cursor over these entries must do, in the plainest way: an index into a list.</summary>
internal sealed class CursorModel(List<Versioned> entries)
{
    private int _at = -1;

    public bool IsValid => _at >= 0 && _at < entries.Count;

    /// <summary>Makes random moves on both and compares where they are.</summary>
    public static void Check(Cursor cursor, List<Versioned> entries, Random random, int moves)
    {
        var model = new CursorModel(entries);
        var trace = new List<string>();
        for (var i = 0; i < moves; i++)
        {
            trace.Add(model.Move(cursor, random));
            model.CheckSame(cursor, trace);
        }
    }

    private string Move(Cursor cursor, Random random)
    {
        var choice = IsValid ? random.Next(14) : random.Next(4);
        var key = entries.Count > 0 && random.Next(2) == 0
            ? entries[random.Next(entries.Count)].Key : Versions.Key(random);
        switch (choice)
        {
            case 0:
                cursor.SeekToFirst();
                _at = 0;
                return "first";
            case 1:
                cursor.SeekToLast();
                _at = entries.Count - 1;
                return "last";
            case 2:
                var sequence = random.Next(2) == 0 ? ulong.MaxValue : (ulong)random.Next(42);
                cursor.Seek(key, sequence);
                _at = entries.FindIndex(e => Versioned.Compare(e.Key, e.Sequence, key, sequence) >= 0);
                return $"seek {Convert.ToHexString(key)}@{sequence}";
            case 3:
                cursor.SeekBefore(key);
                _at = entries.FindLastIndex(e => e.Key.AsSpan().SequenceCompareTo(key) < 0);
                return $"before {Convert.ToHexString(key)}";
            case < 9:
                cursor.Next();
                _at++;
                return "next";
            default:
                cursor.Previous();
                _at--;
                return "previous";
        }
    }

    private void CheckSame(Cursor cursor, List<string> trace)
    {
        var expected = IsValid ? entries[_at].ToString() : "nowhere";
        var actual = !cursor.IsValid ? "nowhere" : new Versioned(
            cursor.Key.ToArray(), cursor.Sequence, cursor.Kind, cursor.Value.ToArray()).ToString();
        if (expected != actual || (IsValid && !cursor.Value.SequenceEqual(entries[_at].Value)))
            Assert.Fail($"expected {expected}, was {actual}, after {string.Join(", ", trace.TakeLast(12))}");
    }
}
