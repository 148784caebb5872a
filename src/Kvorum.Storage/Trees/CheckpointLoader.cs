using System.Buffers.Binary;
using Kvorum.Storage.Files;

namespace Kvorum.Storage.Trees;

/// <summary>
/// Reads a checkpoint file into nodes, verifying every sum, the order of the keys, their number and the end.
/// </summary>
internal sealed class CheckpointLoader(IFile file, string path)
{
    private const string Remedy =
        "Restore the node from its peers: stop it, move its data folder away, and replace the node.";

    private readonly long _length = file.Length;
    private long _position;

    /// <summary>What was read.</summary>
    public NodeBuilder Nodes { get; } = new();

    /// <summary>Reads all; a <see cref="TreeDamagedException"/> if anything is wrong.</summary>
    public CheckpointInfo Load()
    {
        (CheckpointHeader header, byte[] tag) = ReadHeader();
        byte[] body = [];
        Span<byte> room = stackalloc byte[CheckpointFormat.BlockHeadBytes];
        for (ulong ordinal = 0; ; ordinal++)
        {
            ReadOnlySpan<byte> head = Take(room);
            if (!CheckpointFormat.TryReadBlockHead(head, ordinal, out uint length, out uint crc))
                throw Damaged("the head of a block is damaged");
            if (length == 0)
                break;
            if (length > _length - _position || length > Array.MaxLength)
                throw Damaged("the file ends within a block");
            if (body.Length < length)
                body = new byte[length];
            ReadOnlySpan<byte> bytes = Take(body.AsSpan(0, (int)length));
            if (Crc32C.Of(bytes) != crc)
                throw Damaged("a block is damaged");
            AddEntries(bytes);
        }

        if (Nodes.Count != header.Count || _position != _length)
            throw Damaged($"expected the end with {header.Count} keys, found {Nodes.Count}");
        return new CheckpointInfo(header.AppliedIndex, _length, tag);
    }

    private (CheckpointHeader Header, byte[] Tag) ReadHeader()
    {
        ReadOnlySpan<byte> fixedPart = Take(stackalloc byte[CheckpointFormat.HeaderBytes]);
        if (!CheckpointFormat.TryReadHeader(fixedPart, out CheckpointHeader header))
            throw Damaged("the header is damaged");
        if (header.Version != CheckpointFormat.Version)
            throw new TreeDamagedException(
                $"{path}: written by a newer version of Kvorum (checkpoint format {header.Version}, this " +
                $"one reads {CheckpointFormat.Version}). Nothing was changed. Start the newer version.");
        if (header.TagLength > _length - _position)
            throw Damaged("the file ends within the tag");
        byte[] tag = new byte[header.TagLength];
        Take(tag);
        ReadOnlySpan<byte> crc = Take(stackalloc byte[CheckpointFormat.CrcBytes]);
        if (crc.Length < CheckpointFormat.CrcBytes ||
            BinaryPrimitives.ReadUInt32LittleEndian(crc) != Crc32C.Of(tag))
            throw Damaged("the tag is damaged");
        return (header, tag);
    }

    private void AddEntries(ReadOnlySpan<byte> body)
    {
        while (!body.IsEmpty)
        {
            if (body.Length < CheckpointFormat.EntryHeadBytes)
                throw Damaged("an entry ends too early");
            long keyBytes = BinaryPrimitives.ReadUInt32LittleEndian(body);
            long valueBytes = BinaryPrimitives.ReadUInt32LittleEndian(body[4..]);
            body = body[CheckpointFormat.EntryHeadBytes..];
            if (keyBytes + valueBytes > body.Length)
                throw Damaged("an entry ends too early");
            byte[] key = body[..(int)keyBytes].ToArray();
            byte[] value = body.Slice((int)keyBytes, (int)valueBytes).ToArray();
            if (!Nodes.TryAdd(key, value))
                throw Damaged("keys are out of order");
            body = body[(int)(keyBytes + valueBytes)..];
        }
    }

    private Span<byte> Take(Span<byte> into)
    {
        int count = file.Read(_position, into);
        _position += count;
        return into[..count];
    }

    private TreeDamagedException Damaged(string what) =>
        new($"{path}: damaged before offset {_position}: {what}. Nothing was changed. {Remedy}");
}
