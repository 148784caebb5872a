using System.Collections.Immutable;

namespace Kvorum.Storage.Lsm.Merging;

/// <summary>
/// The tables of a level, which are disjoint and in order, as one run. One table is open at a time, opened
/// when the cursor comes to it.
/// </summary>
/// <param name="tables">The tables of the level, or some that follow each other.</param>
/// <param name="open">Opens a cursor over one; it is disposed here.</param>
internal sealed class LevelCursor(ImmutableArray<TableInfo> tables, Func<TableInfo, Cursor> open) : Cursor
{
    private Cursor? _current;
    private int _index = -1;

    /// <inheritdoc/>
    public override bool IsValid => _current is { IsValid: true };

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Key => _current!.Key;

    /// <inheritdoc/>
    public override ulong Sequence => _current!.Sequence;

    /// <inheritdoc/>
    public override EntryKind Kind => _current!.Kind;

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Value => _current!.Value;

    /// <summary>
    /// The first of some disjoint tables in order whose greatest key is not less than the key; their number
    /// if there is none.
    /// </summary>
    public static int FirstNotBefore(ImmutableArray<TableInfo> tables, ReadOnlySpan<byte> key)
    {
        var low = 0;
        var high = tables.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (tables[middle].Largest.Span.SequenceCompareTo(key) < 0)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    /// <inheritdoc/>
    public override void SeekToFirst()
    {
        if (Open(0))
            _current!.SeekToFirst();
    }

    /// <inheritdoc/>
    public override void SeekToLast()
    {
        if (Open(tables.Length - 1))
            _current!.SeekToLast();
    }

    /// <inheritdoc/>
    public override void Seek(ReadOnlySpan<byte> key, ulong sequence = ulong.MaxValue)
    {
        if (!Open(FirstNotBefore(tables, key)))
            return;
        _current!.Seek(key, sequence);
        if (!_current.IsValid && Open(_index + 1))
            _current.SeekToFirst();
    }

    /// <inheritdoc/>
    public override void SeekBefore(ReadOnlySpan<byte> key)
    {
        if (!Open(Math.Min(FirstNotBefore(tables, key), tables.Length - 1)))
            return;
        _current!.SeekBefore(key);
        if (!_current.IsValid && Open(_index - 1))
            _current.SeekToLast();
    }

    /// <inheritdoc/>
    public override void Next()
    {
        _current!.Next();
        if (!_current.IsValid && Open(_index + 1))
            _current.SeekToFirst();
    }

    /// <inheritdoc/>
    public override void Previous()
    {
        _current!.Previous();
        if (!_current.IsValid && Open(_index - 1))
            _current.SeekToLast();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _current?.Dispose();
        _current = null;
        _index = -1;
    }

    private bool Open(int index)
    {
        if (index == _index && _current is not null)
            return true;
        Dispose();
        if (index < 0 || index >= tables.Length)
            return false;
        _current = open(tables[index]);
        _index = index;
        return true;
    }
}
