using Kvorum.Node.Wire;
using Kvorum.Protocol;

namespace Kvorum.Node.Administration;

/// <summary>
/// An administrative request on its way between nodes, and its answer. Little endian.
/// <code>
/// ask    = id:u64 timeoutMs:u32 hops:u8 request:JSON    hops: how often it may be passed on further
/// answer = id:u64 reply:JSON
/// </code>
/// </summary>
internal static class AdminCodec
{
    public static void EncodeAsk(ulong id, long timeoutMs, byte hops, AdminRequest request, ByteWriter into)
    {
        into.U64(id);
        into.U32((uint)Math.Clamp(timeoutMs, 1, Limits.CallTimeoutMaxMs));
        into.U8(hops);
        into.Raw(AdminJson.Encode(request));
    }

    public static (ulong Id, long TimeoutMs, byte Hops, ReadOnlyMemory<byte> Json) DecodeAsk(
        ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        var (id, timeoutMs, hops) = (from.U64(), from.U32(), from.U8());
        return (id, timeoutMs, hops, bytes[(sizeof(ulong) + sizeof(uint) + 1)..]);
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
