using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Google.Protobuf;

namespace Kvorum.Server.Grpc;

/// <summary>
/// Puts messages into a response body, framed as <see cref="GrpcReader"/> reads them. One writer at a time.
/// </summary>
internal sealed class GrpcWriter(PipeWriter body, bool compress, CancellationToken cancelled)
{
    private const int PrefixLength = 5;

    /// <summary>True once a message was written: from then on a status can only travel in trailers.</summary>
    public bool HasWritten { get; private set; }

    /// <summary>Appends a message; it leaves with the next flush or with the end of the call.</summary>
    public void Write(IMessage message)
    {
        HasWritten = true;
        var length = message.CalculateSize();
        if (compress && length >= GrpcEncoding.CompressBytesMin)
        {
            var deflated = GrpcEncoding.Deflate(message);
            Prefix(compressed: true, deflated.Length);
            body.Write(deflated.Span);
            return;
        }

        Prefix(compressed: false, length);
        message.WriteTo(body);
    }

    /// <summary>Sends what was written and waits while the client is slow.</summary>
    public async ValueTask FlushAsync()
    {
        var flushed = await body.FlushAsync(cancelled).ConfigureAwait(false);
        if (flushed.IsCompleted)
            cancelled.ThrowIfCancellationRequested();
    }

    private void Prefix(bool compressed, int length)
    {
        var prefix = body.GetSpan(PrefixLength);
        prefix[0] = compressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32BigEndian(prefix[1..], length);
        body.Advance(PrefixLength);
    }
}
