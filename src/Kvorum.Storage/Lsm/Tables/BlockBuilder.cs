using System.Buffers.Binary;

namespace Kvorum.Storage.Lsm.Tables;

/// <summary>
/// Makes the body of a block of entries; see <see cref="TableFormat"/>. Used again for block after block.
/// </summary>
internal sealed unsafe class BlockBuilder(int restartInterval)
{
    private byte[] _body = new byte[4096];
    private uint[] _restarts = new uint[64];
    private byte[] _lastKey = new byte[64];
    private int _restartCount;
    private int _lastKeyBytes;
    private ulong _firstSequence;

    /// <summary>Entries so far.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of the body, if it were finished now.</summary>
    public int Bytes => _length + (sizeof(uint) * (_restartCount + 1));

    private int _length;

    /// <summary>The key that was added last, also to the block before.</summary>
    public ReadOnlySpan<byte> LastKey => _lastKey.AsSpan(0, _lastKeyBytes);

    /// <summary>The sequence number that was added last.</summary>
    public ulong LastSequence { get; private set; }

    /// <summary>Most bytes that an entry adds to a block.</summary>
    public static int BytesOf(int keyBytes, int valueBytes) =>
        (3 * 5) + Varint.BytesMax + keyBytes + valueBytes + sizeof(uint);

    /// <summary>
    /// Adds an entry; the caller keeps the order, and tells how many bytes the key has in common with <see
    /// cref="LastKey"/>. Where all entries are restarts, 0 will do.
    /// </summary>
    public void Add(
        ReadOnlySpan<byte> key, int common, ulong sequence, EntryKind kind, ReadOnlySpan<byte> value)
    {
        if (Count == 0)
            Begin(sequence);
        var shared = 0;
        if (Count % restartInterval == 0)
            AddRestart();
        else
            shared = common;
        Reserve(BytesOf(key.Length, value.Length));
        var stamp = Stamp.Of(sequence, kind, _firstSequence);
        fixed (byte* body = _body)
        {
            var at = body + _length;
            Varint.Write(ref at, (ulong)shared);
            Varint.Write(ref at, (ulong)(key.Length - shared));
            Varint.Write(ref at, (ulong)(Varint.BytesOf(stamp) + value.Length));
            Put(ref at, key[shared..]);
            Varint.Write(ref at, stamp);
            Put(ref at, value);
            _length = (int)(at - body);
        }

        Keep(key, common);
        LastSequence = sequence;
        Count++;
    }

    /// <summary>The whole body; good until the next <see cref="Reset"/>.</summary>
    public ReadOnlySpan<byte> Finish()
    {
        Reserve(sizeof(uint) * (_restartCount + 1));
        foreach (var restart in _restarts.AsSpan(0, _restartCount))
            Put32(restart);
        Put32((uint)_restartCount);
        return _body.AsSpan(0, _length);
    }

    /// <summary>Begins a new block.</summary>
    public void Reset() => (Count, _length, _restartCount) = (0, 0, 0);

    private void Begin(ulong sequence)
    {
        _firstSequence = sequence;
        BinaryPrimitives.WriteUInt64LittleEndian(_body, sequence);
        _length = sizeof(ulong);
    }

    private void AddRestart()
    {
        if (_restartCount == _restarts.Length)
            Array.Resize(ref _restarts, _restartCount * 2);
        _restarts[_restartCount++] = (uint)_length;
    }

    private void Keep(ReadOnlySpan<byte> key, int common)
    {
        if (_lastKey.Length < key.Length)
            Array.Resize(ref _lastKey, Math.Max(key.Length, _lastKey.Length * 2));
        key[common..].CopyTo(_lastKey.AsSpan(common));
        _lastKeyBytes = key.Length;
    }

    private void Reserve(int bytes)
    {
        if (_body.Length - _length < bytes)
            Array.Resize(ref _body, Math.Max(_length + bytes, _body.Length * 2));
    }

    private static void Put(ref byte* at, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(new Span<byte>(at, bytes.Length));
        at += bytes.Length;
    }

    private void Put32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_body.AsSpan(_length), value);
        _length += sizeof(uint);
    }
}
