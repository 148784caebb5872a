namespace Kvorum.Node.Groups;

/// <summary>
/// Where the data of a group's entries is kept: copied one behind the other into chunks, so that the
/// collector sees one object where there were a hundred, and neither a peer's whole frame nor each command
/// lives on for the sake of an entry. A chunk is never written again where it was written once; it goes when
/// the last entry in it does. One owner.
/// </summary>
internal sealed class EntryArena
{
    private byte[] _chunk = [];
    private int _used;

    /// <summary>
    /// The same bytes, in a chunk. Large ones are left where they are: they are one object each anyway.
    /// </summary>
    public ReadOnlyMemory<byte> Keep(ReadOnlyMemory<byte> data)
    {
        if (data.Length > Limits.EntryChunkBytes / 4)
            return data;
        if (data.Length > _chunk.Length - _used)
            (_chunk, _used) = (GC.AllocateUninitializedArray<byte>(Limits.EntryChunkBytes), 0);
        var kept = _chunk.AsMemory(_used, data.Length);
        data.CopyTo(kept);
        _used += data.Length;
        return kept;
    }
}
