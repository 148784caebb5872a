using System.IO.Compression;
using Grpc.Core;
using Grpc.Net.Compression;

namespace Kvorum.Server.Grpc;

/// <summary>
/// Compression of messages by gzip, where the library would answer what is no gzip as a fault of the server.
/// Inflating ends at the bound of a message.
/// </summary>
internal sealed class Gzip(int bytesMax) : ICompressionProvider
{
    /// <summary>Its name in headers.</summary>
    public const string Name = "gzip";

    /// <inheritdoc/>
    public string EncodingName => Name;

    /// <inheritdoc/>
    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) =>
        new GZipStream(stream, compressionLevel ?? CompressionLevel.Fastest, leaveOpen: true);

    /// <inheritdoc/>
    public Stream CreateDecompressionStream(Stream stream) => new Inflating(stream, bytesMax);

    private sealed class Inflating(Stream compressed, int bytesMax)
        : GZipStream(compressed, CompressionMode.Decompress)
    {
        private long _inflated;

        // Reads of all other kinds come here.
        public override int Read(byte[] buffer, int offset, int count)
        {
            try
            {
                count = base.Read(buffer, offset, count);
            }
            catch (InvalidDataException damaged)
            {
                throw GrpcErrors.Of(
                    StatusCode.Internal, $"the message is not valid gzip: {damaged.Message}");
            }

            _inflated += count;
            return _inflated <= bytesMax ? count : throw GrpcErrors.TooLarge("after inflating", bytesMax);
        }
    }
}
