using System.Buffers;

namespace Kvorum.Protocol;

/// <summary>Bytes of requests and replies, shared by native clients and by nodes that forward. Grammar to be put here. Contract placeholder.</summary>
public static class RequestCodec
{
    /// <summary>Appends a request.</summary>
    public static void Encode(Request request, IBufferWriter<byte> into) => throw new NotImplementedException();

    /// <summary>Reads a request that fills <paramref name="bytes"/>; key and value refer to the same memory. <see cref="FormatException"/> if it is not one.</summary>
    public static Request DecodeRequest(ReadOnlyMemory<byte> bytes) => throw new NotImplementedException();

    /// <summary>Appends a reply.</summary>
    public static void Encode(Reply reply, IBufferWriter<byte> into) => throw new NotImplementedException();

    /// <summary>Reads a reply that fills <paramref name="bytes"/>; the value refers to the same memory. <see cref="FormatException"/> if it is not one.</summary>
    public static Reply DecodeReply(ReadOnlyMemory<byte> bytes) => throw new NotImplementedException();
}
