using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Google.Protobuf;

namespace Kvorum.Server.Grpc;

/// <summary>
/// Takes messages from a request body. Each is <c>compressed-flag:u8 length:u32be payload</c> ("gRPC over
/// HTTP2", Length-Prefixed-Message). One reader at a time.
/// </summary>
internal sealed class GrpcReader(PipeReader body, string? encoding, int bytesMax, CancellationToken cancelled)
{
    private const int PrefixLength = 5;

    /// <summary>True once the client has half-closed and everything is read.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>
    /// Which string field of the message read last is not UTF-8, and where; null if all are.
    /// </summary>
    public string? TextProblem { get; private set; }

    /// <summary>
    /// The next message, or null at the end of the stream; INVALID_ARGUMENT if its text is not UTF-8.
    /// </summary>
    public async ValueTask<T?> ReadAsync<T>(MessageParser<T> parser, CancellationToken? until = null)
        where T : class, IMessage<T>
    {
        var message = await TakeAsync(parser, until).ConfigureAwait(false);
        return TextProblem is { } problem
            ? throw new GrpcException(GrpcStatus.InvalidArgument, problem)
            : message;
    }

    /// <summary>
    /// The next message, or null at the end of the stream; with <see cref="TextProblem"/>, its text must not
    /// be used. <paramref name="until"/> replaces the call's own token.
    /// </summary>
    public async ValueTask<T?> TakeAsync<T>(MessageParser<T> parser, CancellationToken? until = null)
        where T : class, IMessage<T>
    {
        for (; ; )
        {
            if (!body.TryRead(out var read))
                read = await body.ReadAsync(until ?? cancelled).ConfigureAwait(false);
            var buffer = read.Buffer;
            if (TryFrame(buffer, out var compressed, out var payload))
                return Take(parser, compressed, payload);
            if (read.IsCompleted)
                return End<T>(buffer);
            body.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    /// <summary>
    /// The one message of a call that has one: exactly one, or UNIMPLEMENTED as the status table of gRPC
    /// asks.
    /// </summary>
    public async ValueTask<T> ReadSingleAsync<T>(MessageParser<T> parser) where T : class, IMessage<T>
    {
        var message = await ReadAsync(parser).ConfigureAwait(false)
            ?? throw new GrpcException(GrpcStatus.Unimplemented, "the method takes one message and got none");
        if (!await AtEndAsync().ConfigureAwait(false))
            throw new GrpcException(GrpcStatus.Unimplemented, "the method takes one message and got more");
        return message;
    }

    /// <summary>True if nothing more will come, as far as is known without waiting.</summary>
    public bool SeemsEnded()
    {
        if (HasEnded)
            return true;
        try
        {
            if (!body.TryRead(out var read))
                return false;
            HasEnded = read.IsCompleted;
            body.AdvanceTo(read.Buffer.End);
            return HasEnded;
        }
        catch (Exception gone) when (gone is IOException or OperationCanceledException)
        {
            return true;
        }
    }

    private async ValueTask<bool> AtEndAsync()
    {
        for (; ; )
        {
            if (!body.TryRead(out var read))
                read = await body.ReadAsync(cancelled).ConfigureAwait(false);
            var isEmpty = read.Buffer.IsEmpty;
            HasEnded = isEmpty && read.IsCompleted;
            body.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            if (HasEnded || !isEmpty)
                return HasEnded;
        }
    }

    private bool TryFrame(
        in ReadOnlySequence<byte> buffer, out bool compressed, out ReadOnlySequence<byte> payload)
    {
        compressed = false;
        payload = default;
        if (buffer.Length < PrefixLength)
            return false;
        Span<byte> prefix = stackalloc byte[PrefixLength];
        buffer.Slice(0, PrefixLength).CopyTo(prefix);
        if (prefix[0] > 1)
            throw Refused(buffer, new(
                GrpcStatus.Internal, $"a message begins with {prefix[0]}, which is no compressed flag"));
        compressed = prefix[0] == 1;
        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        if (length > bytesMax)
            throw Refused(buffer, GrpcEncoding.TooLarge($"{length} announced", bytesMax));
        if (buffer.Length < PrefixLength + length)
            return false;
        payload = buffer.Slice(PrefixLength, length);
        return true;
    }

    private GrpcException Refused(in ReadOnlySequence<byte> buffer, GrpcException why)
    {
        body.AdvanceTo(buffer.End);
        return why;
    }

    private T Take<T>(MessageParser<T> parser, bool compressed, in ReadOnlySequence<byte> payload)
        where T : class, IMessage<T>
    {
        try
        {
            var bytes = compressed ? Inflated(payload) : payload;
            var message = parser.ParseFrom(bytes);
            TextProblem = TextFields.Problem(message.Descriptor, bytes);
            return message;
        }
        catch (InvalidProtocolBufferException notOne)
        {
            throw new GrpcException(
                GrpcStatus.Internal, $"the message is not a {typeof(T).Name}: {notOne.Message}");
        }
        finally
        {
            body.AdvanceTo(payload.End);
        }
    }

    private ReadOnlySequence<byte> Inflated(in ReadOnlySequence<byte> payload) =>
        encoding == GrpcEncoding.Gzip
            ? GrpcEncoding.Inflate(payload, bytesMax)
            : throw new GrpcException(
                GrpcStatus.Internal,
                    "a message is flagged as compressed but grpc-encoding names no compression");

    private T? End<T>(in ReadOnlySequence<byte> rest) where T : class
    {
        var isWhole = rest.IsEmpty;
        body.AdvanceTo(rest.End);
        HasEnded = true;
        TextProblem = null;
        return isWhole
            ? null
            : throw new GrpcException(GrpcStatus.Internal, "the request ends in the middle of a message");
    }
}
