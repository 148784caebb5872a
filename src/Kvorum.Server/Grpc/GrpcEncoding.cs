using System.Buffers;
using System.IO.Compression;
using Google.Protobuf;

namespace Kvorum.Server.Grpc;

/// <summary>Message compression: gzip or none.</summary>
internal static class GrpcEncoding
{
    /// <summary>Name of no compression.</summary>
    public const string Identity = "identity";

    /// <summary>Name of gzip.</summary>
    public const string Gzip = "gzip";

    /// <summary>What is taken, as grpc-accept-encoding names it.</summary>
    public const string Accepted = "identity,gzip";

    /// <summary>Shorter messages are sent as they are: gzip would not make them smaller.</summary>
    public const int CompressBytesMin = 256;

    /// <summary>True if a grpc-accept-encoding value names gzip.</summary>
    public static bool AcceptsGzip(string? accepted)
    {
        foreach (var part in accepted.AsSpan().Split(','))
        {
            if (accepted.AsSpan()[part].Trim().SequenceEqual(Gzip))
                return true;
        }

        return false;
    }

    /// <summary>
    /// Inflates a message; RESOURCE_EXHAUSTED beyond <paramref name="bytesMax"/>, INTERNAL if it is not gzip.
    /// </summary>
    public static ReadOnlySequence<byte> Inflate(ReadOnlySequence<byte> compressed, int bytesMax)
    {
        using var gzip = new GZipStream(
            new MemoryStream(compressed.ToArray(), writable: false), CompressionMode.Decompress);
        var inflated = new ArrayBufferWriter<byte>(4096);
        try
        {
            for (; ; )
            {
                var count = gzip.Read(inflated.GetSpan(4096));
                if (count == 0)
                    return new(inflated.WrittenMemory);
                inflated.Advance(count);
                if (inflated.WrittenCount > bytesMax)
                    throw TooLarge("after inflating", bytesMax);
            }
        }
        catch (InvalidDataException damaged)
        {
            throw new GrpcException(GrpcStatus.Internal, $"the message is not valid gzip: {damaged.Message}");
        }
    }

    /// <summary>Deflates a message.</summary>
    public static ReadOnlyMemory<byte> Deflate(IMessage message)
    {
        var deflated = new MemoryStream();
        using (var gzip = new GZipStream(deflated, CompressionLevel.Fastest, leaveOpen: true))
            message.WriteTo(gzip);
        return deflated.GetBuffer().AsMemory(0, (int)deflated.Length);
    }

    /// <summary>The error for a message beyond the bound.</summary>
    public static GrpcException TooLarge(string what, long bytesMax) => new(
        GrpcStatus.ResourceExhausted, $"a message is larger than the limit of {bytesMax} bytes ({what})");
}
