using System.Runtime.InteropServices;
using Kvorum.Storage.Files;

namespace Kvorum.Storage.Log;

/// <summary>
/// One segment file and the groups that still need entries in it. The position and the file belong to the log
/// lane, the holders are guarded by the log's gate.
/// </summary>
internal sealed class Segment(ulong number, string path)
{
    private readonly Dictionary<uint, ulong> _holders = [];

    // The data key of its frames; 0: plain. Null: it has none yet.
    private ulong? _key;
    private bool _hasSeveralKeys;

    public ulong Number => number;

    public string Path => path;

    /// <summary>Open while the segment is written or prepared to be; else null.</summary>
    public IFile? File { get; set; }

    /// <summary>Where the next frame goes.</summary>
    public long Position { get; set; } = RecordFormat.SegmentHeaderBytes;

    /// <summary>True if it is made for encrypted frames.</summary>
    public bool IsSealed { get; set; }

    /// <summary>Size of the file.</summary>
    public long Length { get; set; }

    /// <summary>True if no group needs an entry in it.</summary>
    public bool IsFree => _holders.Count == 0;

    /// <summary>The groups with entries in it, ascending.</summary>
    public uint[] Holders => [.. _holders.Keys.Order()];

    /// <summary>A frame in it is encrypted with this data key; 0: it is plain.</summary>
    public void HasKey(ulong key)
    {
        _hasSeveralKeys |= _key is { } other && other != key;
        _key = key;
    }

    /// <summary>True if all that is in it has this data key, and more with it may come; 0: plain.</summary>
    public bool Fits(ulong key) => IsSealed == (key != 0) && !_hasSeveralKeys && (_key ?? key) == key;

    /// <summary>Notes an entry of the group.</summary>
    public void Hold(uint group, ulong index)
    {
        ref var newest = ref CollectionsMarshal.GetValueRefOrAddDefault(_holders, group, out _);
        newest = Math.Max(newest, index);
    }

    /// <summary>The group needs nothing up to the index.</summary>
    public void Release(uint group, ulong upToIndex)
    {
        if (_holders.TryGetValue(group, out var newest) && newest <= upToIndex)
            _holders.Remove(group);
    }
}
