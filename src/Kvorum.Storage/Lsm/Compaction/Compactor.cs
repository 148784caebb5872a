using Kvorum.Storage.Files;
using Kvorum.Storage.Lsm.Merging;
using Kvorum.Storage.Lsm.Tables;

namespace Kvorum.Storage.Lsm.Compaction;

/// <summary>
/// Carries out one compaction in steps, so that the caller can pause, throttle or stop between two of them:
/// merges the inputs, keeps the versions that a view may see, and writes new tables. New tables are synced;
/// their names are durable only after a sync of the folder, and they count only once the manifest names them.
/// Disposed before its end, or after an exception, it deletes its tables. One thread at a time.
/// </summary>
/// <remarks>
/// Of the versions of a key, those newer than the oldest view stay, and the newest of the others; the older
/// ones are shadowed and dropped. A delete is dropped too when it is not newer than the oldest view and no
/// table below the output level may have the key. Views opened later see all that is in tables, so they need
/// no older versions.
/// </remarks>
internal sealed class Compactor : IDisposable
{
    private readonly CompactionChoice _choice;
    private readonly ICompactionTables _tables;
    private readonly TableOptions _tableOptions;
    private readonly CompactionOptions _options;
    private readonly ulong _oldestView;
    private readonly MergingCursor _input;
    private readonly KeysBelow _below;
    private readonly OverlapBelow _overlap;
    private readonly List<TableInfo> _made = [];
    private Output? _output;
    private byte[] _key = [];
    private int _keyBytes = -1;
    private bool _isShadowed;
    private long _entriesRead;
    private bool _isBegun;

    /// <summary>Prepares a compaction that rewrites tables; nothing is read yet.</summary>
    /// <param name="choice">What the picker chose.</param>
    /// <param name="levels">The levels it chose from.</param>
    /// <param name="oldestView">
    /// The least sequence number a view is open at; the greatest number if none is.
    /// </param>
    /// <param name="tables">Inputs and outputs.</param>
    /// <param name="tableOptions">How new tables are written.</param>
    /// <param name="options">Bounds.</param>
    public Compactor(
        CompactionChoice choice,
        Levels levels,
        ulong oldestView,
        ICompactionTables tables,
        TableOptions tableOptions,
        CompactionOptions options)
    {
        (_choice, _tables, _tableOptions, _options) = (choice, tables, tableOptions, options);
        _oldestView = oldestView;
        _below = new KeysBelow(levels, choice.OutputLevel);
        _overlap = new OverlapBelow(levels, choice.OutputLevel, options.InputBytesMax);
        _input = new MergingCursor(Inputs());
    }

    /// <summary>What was made, once <see cref="Step"/> has returned true.</summary>
    public CompactionResult? Result { get; private set; }

    /// <summary>
    /// Goes on until about so many bytes of keys and values have been read; true when all is done.
    /// </summary>
    public bool Step(long bytes)
    {
        if (Result is not null)
            return true;
        if (!_isBegun)
            _input.SeekToFirst();
        _isBegun = true;
        for (; _input.IsValid; _input.Next())
        {
            if (bytes <= 0)
                return false;
            bytes -= Take();
        }

        Cut();
        Result = new CompactionResult(
            [.. _made], _choice.InputBytes, _made.Sum(table => table.Bytes), _entriesRead,
            _made.Sum(table => table.Entries));
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _input.Dispose();
        if (Result is not null)
            return;
        if (_output is { } unfinished)
        {
            _output = null;
            unfinished.Dispose();
            _tables.Delete(unfinished.Number);
        }

        foreach (var table in _made)
            _tables.Delete(table.Number);
        _made.Clear();
    }

    private IEnumerable<Cursor> Inputs()
    {
        if (_choice.Level == 0)
        {
            foreach (var table in _choice.Inputs)
                yield return Open(table);
        }
        else
        {
            yield return new LevelCursor(_choice.Inputs, Open);
        }

        if (!_choice.Overlapped.IsEmpty)
            yield return new LevelCursor(_choice.Overlapped, Open);
    }

    private Cursor Open(TableInfo table) => _tables.Reader(table).OpenCursor(_options.ReadAheadBytes);

    // Bytes of the entry's key and value.
    private int Take()
    {
        _entriesRead++;
        var key = _input.Key;
        var value = _input.Value;
        var bytes = key.Length + value.Length;
        var isNewKey = _keyBytes < 0 || !key.SequenceEqual(_key.AsSpan(0, _keyBytes));
        if (isNewKey)
        {
            KeepKey(key);
            _isShadowed = false;
        }

        if (_isShadowed)
            return bytes;
        _isShadowed = _input.Sequence <= _oldestView;
        if (_isShadowed && _input.Kind == EntryKind.Delete && !_below.MayHave(key))
            return bytes;
        Write(key, isNewKey, value);
        return bytes;
    }

    // All versions of a key go to one table of the level: it is cut between keys only. A version that is not
    // the first of its key follows one that was written.
    private void Write(ReadOnlySpan<byte> key, bool isNewKey, ReadOnlySpan<byte> value)
    {
        if (_output is not null && isNewKey &&
            (_output.Writer.Bytes >= _options.TableBytes || _overlap.IsTooMuch(key)))
            Cut();
        if (_output is null)
        {
            var (file, number) = _tables.Create();
            _output = new Output(file, number, _tableOptions);
            _overlap.Begin(key);
        }

        _output.Add(key, _input.Sequence, _input.Kind, value);
    }

    private void Cut()
    {
        if (_output is null)
            return;
        var properties = _output.Writer.Finish();
        Invariant.Check(_made.Count == 0
            || _made[^1].Largest.Span.SequenceCompareTo(properties.Smallest.Span) < 0);
        _made.Add(properties.ToInfo(_output.Number, _output.File.Length));
        _output.Dispose();
        _output = null;
    }

    private void KeepKey(ReadOnlySpan<byte> key)
    {
        if (_key.Length < key.Length)
            _key = new byte[Math.Max(64, key.Length * 2)];
        key.CopyTo(_key);
        _keyBytes = key.Length;
    }

    /// <summary>A table that is being written.</summary>
    private sealed class Output(IFile file, ulong number, TableOptions options) : IDisposable
    {
        public IFile File => file;

        public ulong Number => number;

        public TableWriter Writer { get; } = new(file, options);

        public void Add(ReadOnlySpan<byte> key, ulong sequence, EntryKind kind, ReadOnlySpan<byte> value) =>
            Writer.Add(key, sequence, kind, value);

        public void Dispose()
        {
            Writer.Dispose();
            file.Dispose();
        }
    }
}
