using Kvorum.Storage.Lsm.Caching;

namespace Kvorum.Storage.Lsm.Tables;

/// <summary>
/// An entry that a point read found, where it lies in its block: dispose it when it is copied or used.
/// </summary>
internal readonly ref struct FoundEntry
{
    private readonly CachedBlock _block;

    internal FoundEntry(CachedBlock block, ulong sequence, EntryKind kind, ReadOnlySpan<byte> value)
    {
        _block = block;
        Sequence = sequence;
        Kind = kind;
        Value = value;
    }

    /// <summary>The log index of the write.</summary>
    public ulong Sequence { get; }

    /// <summary>What the entry says.</summary>
    public EntryKind Kind { get; }

    /// <summary>The value, empty for a delete; good until this is disposed.</summary>
    public ReadOnlySpan<byte> Value { get; }

    /// <summary>Lets go of the block.</summary>
    public void Dispose() => _block.Release();
}
