// Up to where the log was durable at some time, little-endian; crc is CRC-32C.
//
//   file = slot, zeros up to byte 4096, slot
//   slot = magic "KVORUMLE", version u32 (1), zero u32, sequence u64, segment u64, offset u64, zero u32,
//          crc u32
//          48 bytes; the crc is over the 44 before it
//
// The last frame that was durable has that sequence; the segment and the offset are where it ends. The slot
// with the greater sequence counts. The other one is written next, so a write that is cut short leaves the
// one that counts, and the two are far enough apart to be in no sector together.

using System.Buffers.Binary;
using Kvorum.Storage.Files;

namespace Kvorum.Storage.Log;

/// <summary>Where a log ends: behind the frame with this sequence.</summary>
internal readonly record struct LogEnd(ulong Sequence, ulong Segment, long Offset);

/// <summary>
/// The file <c>end</c> in the folder of a log: a log that ends before this mark has lost its end. The file is
/// made before the first segment and never removed, so a folder of segments without it is an incomplete copy.
/// Written by one thread at a time.
/// </summary>
internal sealed class EndMark : IDisposable
{
    /// <summary>The name of the file.</summary>
    public const string Name = "end";

    public const int SlotBytes = 48;
    public const int SecondSlot = 4096;
    private const uint Version = 1;

    private readonly IFile _file;
    private int _nextSlot;

    private EndMark(IFile file, LogEnd written, int nextSlot) =>
        (_file, Written, _nextSlot) = (file, written, nextSlot);

    private static ReadOnlySpan<byte> Magic => "KVORUMLE"u8;

    /// <summary>The newest mark in the file that is durable.</summary>
    public LogEnd Written { get; private set; }

    /// <summary>
    /// Makes the file of a log that is empty so far; durable under its name when it returns.
    /// </summary>
    public static void Create(IFileSystem files, string folder)
    {
        var unfinished = $"{folder}/{Name}.new";
        Span<byte> bytes = new byte[SecondSlot + SlotBytes];
        WriteSlot(bytes, default);
        WriteSlot(bytes[SecondSlot..], default);
        using (var file = files.Create(unfinished))
        {
            file.Write(0, bytes);
            file.Sync();
        }

        files.Rename(unfinished, $"{folder}/{Name}");
        files.SyncFolder(folder);
    }

    /// <summary>The mark in the file; null if there is no file. Changes nothing.</summary>
    public static LogEnd? Read(IFileSystem files, string folder)
    {
        var path = $"{folder}/{Name}";
        if (!files.Exists(path))
            return null;
        using var file = files.Open(path, forWriting: false);
        return Read(file, path, out _);
    }

    /// <summary>Opens the file to be written.</summary>
    public static EndMark Open(IFileSystem files, string folder)
    {
        var path = $"{folder}/{Name}";
        var file = files.Open(path, forWriting: true);
        try
        {
            var written = Read(file, path, out var newest);
            return new EndMark(file, written, 1 - newest);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Writes that the log is durable up to there; durable on return. Does nothing if the mark is as new.
    /// </summary>
    public void Write(LogEnd end)
    {
        if (end.Sequence <= Written.Sequence)
            return;
        Span<byte> slot = stackalloc byte[SlotBytes];
        WriteSlot(slot, end);
        _file.Write(_nextSlot * SecondSlot, slot);
        _file.Sync();
        Invariant.Check(end.Segment >= Written.Segment);
        Written = end;
        _nextSlot = 1 - _nextSlot;
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static LogEnd Read(IFile file, string path, out int newest)
    {
        Span<byte> bytes = stackalloc byte[SlotBytes];
        LogEnd? found = null;
        newest = 0;
        for (var slot = 0; slot < 2; slot++)
        {
            var count = file.Read(slot * SecondSlot, bytes);
            if (ReadSlot(bytes[..count], path) is not { } end || end.Sequence < found?.Sequence)
                continue;
            (found, newest) = (end, slot);
        }

        return found ?? throw new LogDamagedException(
            $"{path}: damaged: both copies of the mark up to where the log was durable are invalid. " +
            LogRecoverer.Remedy);
    }

    private static void WriteSlot(Span<byte> into, LogEnd end)
    {
        into[..SlotBytes].Clear();
        Magic.CopyTo(into);
        BinaryPrimitives.WriteUInt32LittleEndian(into[8..], Version);
        BinaryPrimitives.WriteUInt64LittleEndian(into[16..], end.Sequence);
        BinaryPrimitives.WriteUInt64LittleEndian(into[24..], end.Segment);
        BinaryPrimitives.WriteInt64LittleEndian(into[32..], end.Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(into[44..], Crc32C.Of(into[..44]));
    }

    private static LogEnd? ReadSlot(ReadOnlySpan<byte> from, string path)
    {
        if (from.Length < SlotBytes || !from.StartsWith(Magic) ||
            BinaryPrimitives.ReadUInt32LittleEndian(from[44..]) != Crc32C.Of(from[..44]))
            return null;
        var version = BinaryPrimitives.ReadUInt32LittleEndian(from[8..]);
        if (version != Version)
            throw new LogDamagedException(
                $"{path}: written by a newer version of Kvorum (format {version}, this one reads " +
                $"{Version}). Nothing was changed. Start the newer version.");
        return new LogEnd(
            BinaryPrimitives.ReadUInt64LittleEndian(from[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(from[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(from[32..]));
    }
}
