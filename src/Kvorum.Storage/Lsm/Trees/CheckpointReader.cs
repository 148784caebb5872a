using Kvorum.Storage.Lsm.Tables;
using Kvorum.Storage.Lsm.Versions;

namespace Kvorum.Storage.Lsm.Trees;

/// <summary>
/// A checkpoint being sent, as one stream of bytes. Read on any one thread at a time. Its tables are kept
/// until it is disposed.
/// </summary>
public sealed class CheckpointReader : IDisposable
{
    private readonly TableSet _tables;
    private readonly byte[] _begin;
    private readonly (long Start, TableReader Table)[] _pieces;
    private bool _closed;

    internal CheckpointReader(TableSet held)
    {
        _tables = held;
        _begin = CheckpointStream.Begin(held);
        long start = _begin.Length;
        List<(long Start, TableReader Table)> pieces = [];
        foreach (var file in held.Files)
        {
            pieces.Add((start, file.Reader));
            start += file.Info.Bytes;
        }

        _pieces = [.. pieces];
        Info = new CheckpointInfo(held.Mark!.AppliedIndex, start, held.Mark.Tag)
        {
            IsInstalled = held.Mark.IsInstalled,
        };
    }

    /// <summary>What it is.</summary>
    public CheckpointInfo Info { get; }

    /// <summary>
    /// Equal for equal bytes only, over all checkpoints of this tree's folder: a transfer of the same
    /// identity can be resumed.
    /// </summary>
    public ulong Identity => BloomFilter.Hash(_begin);

    /// <summary>Reads bytes of the stream from an offset; fewer than asked only at its end.</summary>
    public int Read(long offset, Span<byte> into)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        var count = 0;
        if (offset < _begin.Length)
        {
            count = (int)Math.Min(into.Length, _begin.Length - offset);
            _begin.AsSpan((int)offset, count).CopyTo(into);
        }

        foreach (var (start, table) in _pieces)
        {
            var within = offset + count - start;
            if (within < 0 || within >= table.Bytes || count == into.Length)
                continue;
            var taken = (int)Math.Min(into.Length - count, table.Bytes - within);
            table.Read(within, into.Slice(count, taken));
            count += taken;
        }

        return count;
    }

    /// <summary>
    /// Reads all tables past the cache and verifies every checksum: the numbers of the damaged tables, each
    /// with its first damage. Background lane.
    /// </summary>
    public IReadOnlyList<(ulong Table, TreeDamagedException Damage)> Check()
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        List<(ulong Table, TreeDamagedException Damage)> found = [];
        foreach (var file in _tables.Files)
        {
            try
            {
                if (file.Check() is [var damage, ..])
                    found.Add((file.Info.Number, damage));
            }
            catch (TreeDamagedException damage)
            {
                found.Add((file.Info.Number, damage));
            }
        }

        return found;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_closed)
            return;
        _closed = true;
        _tables.Release();
    }
}
