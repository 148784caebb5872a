namespace Kvorum.Protocol;

/// <summary>
/// Bytes of a <see cref="Receipt"/> in a reply. Integers are little-endian. What a newer version adds follows
/// behind, and is passed over.
/// <code>
/// receipt := length:u32 mode:u8 flags:u8 needed:u8 replicas:u8 index:u64 time:u64 writer:u64 staleness:u64
///            nodes sentences                    flags: 1 durable, 2 by hints, 4 version is given,
///                                                      8 staleness is given
/// nodes   := count:u8 text8*                    sentences := count:u8 text16*
/// </code>
/// </summary>
internal static class ReceiptCodec
{
    // A promise is a few sentences of our own: what is beyond is left out.
    private const int SentencesMax = 16;
    private const int NameBytesMax = 255;
    private const byte DurableFlag = 1;
    private const byte ByHintsFlag = 2;
    private const byte VersionFlag = 4;
    private const byte StalenessFlag = 8;
    private const int FixedBytes = 4 + 4 + 8 + 8 + 8 + 8;

    public static int SizeOf(Receipt receipt)
    {
        var size = FixedBytes + 2;
        foreach (var node in receipt.Nodes.Take(byte.MaxValue))
            size += 1 + Utf8Text.CountOf(Name(node));
        foreach (var sentence in receipt.Promise.Take(SentencesMax))
            size += 2 + Utf8Text.CountOf(Sentence(sentence));
        return size;
    }

    public static void Write(Receipt receipt, ref SpanWriter writer)
    {
        writer.U32((uint)(SizeOf(receipt) - 4));
        writer.U8((byte)receipt.Mode);
        writer.U8((byte)((receipt.IsDurable ? DurableFlag : 0) | (receipt.IsByHints ? ByHintsFlag : 0)
            | (receipt.Version is null ? 0 : VersionFlag)
            | (receipt.StalenessMs is null ? 0 : StalenessFlag)));
        writer.U8((byte)Math.Clamp(receipt.Needed, 0, byte.MaxValue));
        writer.U8((byte)Math.Clamp(receipt.Replicas, 0, byte.MaxValue));
        writer.U64(receipt.Index);
        writer.U64(receipt.Version?.Time ?? 0);
        writer.U64(receipt.Version?.Writer ?? 0);
        writer.U64(receipt.StalenessMs ?? 0);
        writer.U8((byte)Math.Min(receipt.Nodes.Count, byte.MaxValue));
        foreach (var node in receipt.Nodes.Take(byte.MaxValue))
            writer.Text8(Name(node));
        writer.U8((byte)Math.Min(receipt.Promise.Count, SentencesMax));
        foreach (var sentence in receipt.Promise.Take(SentencesMax))
            writer.Text16(Sentence(sentence));
    }

    /// <summary><see cref="FormatException"/> if it is none.</summary>
    public static Receipt Read(ref ByteReader from)
    {
        var reader = new ByteReader(from.Bytes32("receipt"));
        var (mode, flags) = (reader.U8("mode"), reader.U8("flags"));
        if (mode > (byte)ReplicationMode.Quorum)
            throw new FormatException($"Mode {mode} of a receipt is unknown.");
        var (needed, replicas, index) = (reader.U8("needed"), reader.U8("replicas"), reader.U64("index"));
        var version = new WriteVersion(reader.U64("time"), reader.U64("writer"));
        var staleness = reader.U64("staleness");
        var nodes = new string[reader.U8("nodes")];
        for (var i = 0; i < nodes.Length; i++)
            nodes[i] = reader.Text8("node", NameBytesMax);
        var promise = new string[reader.U8("sentences")];
        for (var i = 0; i < promise.Length; i++)
            promise[i] = reader.Text16("sentence", RequestCodec.MessageBytesMax);
        return new()
        {
            Mode = (ReplicationMode)mode,
            IsDurable = (flags & DurableFlag) != 0,
            IsByHints = (flags & ByHintsFlag) != 0,
            Needed = needed,
            Replicas = replicas,
            Index = index,
            Version = (flags & VersionFlag) != 0 ? version : null,
            StalenessMs = (flags & StalenessFlag) != 0 ? staleness : null,
            Nodes = nodes,
            Promise = promise,
        };
    }

    private static string Name(string node) => Utf8Text.Message(node, NameBytesMax);

    private static string Sentence(string text) => Utf8Text.Message(text, RequestCodec.MessageBytesMax);
}
