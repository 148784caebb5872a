using System.Collections.Immutable;

namespace Kvorum.Storage.Lsm.Compaction;

/// <summary>
/// Whether a table below some level may have a key. Called with ascending keys, it walks along each
/// level once.
/// </summary>
internal sealed class KeysBelow
{
    private readonly ImmutableArray<TableInfo>[] _levels;
    private readonly int[] _at;

    /// <summary>The levels below this one.</summary>
    public KeysBelow(Levels levels, int level)
    {
        _levels = [.. levels.Tables.Skip(level + 1).Where(tables => !tables.IsEmpty)];
        _at = new int[_levels.Length];
    }

    /// <summary>
    /// True if the key lies in the range of a table there. Keys never descend from call to call.
    /// </summary>
    public bool MayHave(ReadOnlySpan<byte> key)
    {
        for (var i = 0; i < _levels.Length; i++)
        {
            var tables = _levels[i];
            while (_at[i] < tables.Length && tables[_at[i]].Largest.Span.SequenceCompareTo(key) < 0)
                _at[i]++;
            if (_at[i] < tables.Length && tables[_at[i]].Smallest.Span.SequenceCompareTo(key) <= 0)
                return true;
        }

        return false;
    }
}

/// <summary>
/// How many bytes the table being written overlaps in the level below its own: its own compaction will read
/// them (LevelDB's rule of grandparents).
/// </summary>
internal sealed class OverlapBelow(Levels levels, int level, long bytesMax)
{
    private readonly ImmutableArray<TableInfo> _tables =
        level + 1 < Levels.Count ? levels.Tables[level + 1] : [];

    private int _at;
    private long _bytes;

    /// <summary>A new table begins with this key.</summary>
    public void Begin(ReadOnlySpan<byte> key)
    {
        Pass(key);
        _bytes = 0;
    }

    /// <summary>True if the table should end before this key. Keys never descend from call to call.</summary>
    public bool IsTooMuch(ReadOnlySpan<byte> key)
    {
        Pass(key);
        return _bytes > bytesMax;
    }

    private void Pass(ReadOnlySpan<byte> key)
    {
        while (_at < _tables.Length && _tables[_at].Largest.Span.SequenceCompareTo(key) < 0)
            _bytes += _tables[_at++].Bytes;
    }
}
