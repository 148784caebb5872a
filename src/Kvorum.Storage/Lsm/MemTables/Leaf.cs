using System.Runtime.InteropServices;

namespace Kvorum.Storage.Lsm.MemTables;

/// <summary>A key in native memory: its newest version, its length, then its bytes.</summary>
[StructLayout(LayoutKind.Sequential, Size = HeadBytes)]
internal unsafe struct Leaf
{
    /// <summary>Where the key's bytes begin.</summary>
    public const int HeadBytes = 16;

    /// <summary>The newest version; published last, never null.</summary>
    public KeyVersion* Newest;

    /// <summary>Length of the key.</summary>
    public int KeyBytes;

    /// <summary>The key.</summary>
    public static ReadOnlySpan<byte> KeyOf(Leaf* leaf) => new((byte*)leaf + HeadBytes, leaf->KeyBytes);

    /// <summary>The newest version not above the sequence number; null if there is none.</summary>
    public static KeyVersion* VersionAt(Leaf* leaf, ulong sequence)
    {
        var version = (KeyVersion*)Volatile.Read(ref *(nint*)&leaf->Newest);
        while (version is not null && version->Sequence > sequence)
            version = version->Older;
        return version;
    }
}

/// <summary>One version of a key, followed by the value's bytes. Never changed.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct KeyVersion
{
    /// <summary>Where the value's bytes begin.</summary>
    public const int HeadBytes = 21;

    /// <summary>The version before it; null if it is the first.</summary>
    public KeyVersion* Older;

    /// <summary>The log index of the write.</summary>
    public ulong Sequence;

    /// <summary>Length of the value.</summary>
    public int ValueBytes;

    /// <summary>What it says.</summary>
    public EntryKind Kind;

    /// <summary>The value.</summary>
    public static ReadOnlySpan<byte> ValueOf(KeyVersion* version) =>
        new((byte*)version + HeadBytes, version->ValueBytes);
}
