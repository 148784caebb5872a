using Kvorum.Node.Wire;
using Kvorum.Protocol;

namespace Kvorum.Node.Administration;

/// <summary>
/// An administrative request on its way between nodes, and its answer. Little endian.
/// <code>
/// ask    = id:u64 timeoutMs:u32 hops:u8 [by] request:JSON    hops: how often it may be passed on further,
///                                                            and 128 if by follows, from format 2 on
/// answer = id:u64 reply:JSON
/// by     = length:u32 UTF-8
/// </code>
/// </summary>
internal static class AdminCodec
{
    private const byte ByFlag = 128;

    /// <param name="id">The number that the answer comes with.</param>
    /// <param name="timeoutMs">How long it may take.</param>
    /// <param name="hops">How often it may be passed on further.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="format">The active format version: who asks is told from 2 on.</param>
    /// <param name="into">Where to.</param>
    public static void EncodeAsk(
        ulong id, long timeoutMs, byte hops, AdminRequest request, int format, ByteWriter into)
    {
        var by = format >= FormatRange.Quorums && request is AdminChange change ? change.By : "";
        into.U64(id);
        into.U32((uint)Math.Clamp(timeoutMs, 1, Limits.CallTimeoutMaxMs));
        into.U8((byte)(hops | (by.Length > 0 ? ByFlag : 0)));
        if (by.Length > 0)
            into.Text32(by);
        into.Raw(AdminJson.Encode(request));
    }

    public static (ulong Id, long TimeoutMs, byte Hops, string By, ReadOnlyMemory<byte> Json) DecodeAsk(
        ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        var (id, timeoutMs, hops) = (from.U64(), from.U32(), from.U8());
        var by = (hops & ByFlag) != 0 ? from.Text32() : "";
        return (id, timeoutMs, (byte)(hops & ~ByFlag), by, from.Rest());
    }

    public static void EncodeAnswer(ulong id, AdminReply reply, ByteWriter into)
    {
        into.U64(id);
        into.Raw(AdminJson.Encode(reply));
    }

    public static (ulong Id, AdminReply Reply) DecodeAnswer(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        return (from.U64(), AdminJson.DecodeReply(bytes.Span[sizeof(ulong)..]));
    }
}
