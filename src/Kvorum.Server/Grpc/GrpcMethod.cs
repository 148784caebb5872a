using Google.Protobuf;

namespace Kvorum.Server.Grpc;

/// <summary>A stream of messages from the client. One reader at a time.</summary>
public sealed class GrpcRequests<T> where T : class, IMessage<T>
{
    private readonly GrpcReader _reader;
    private readonly MessageParser<T> _parser;

    internal GrpcRequests(GrpcReader reader, MessageParser<T> parser) =>
        (_reader, _parser) = (reader, parser);

    /// <summary>The next message, or null when the client has half-closed.</summary>
    public ValueTask<T?> ReadAsync() => _reader.ReadAsync(_parser);

    /// <summary>
    /// The same, until <paramref name="cancelled"/> fires, which stands for the call's own token.
    /// </summary>
    public ValueTask<T?> ReadAsync(CancellationToken cancelled) => _reader.ReadAsync(_parser, cancelled);

    /// <summary>
    /// Which string field of the message taken last is not UTF-8, and where; null if all are.
    /// </summary>
    internal string? TextProblem => _reader.TextProblem;

    /// <summary>
    /// The next message, also one whose text is not UTF-8: a stream of many requests answers that one alone.
    /// Look at <see cref="TextProblem"/> before using it.
    /// </summary>
    internal ValueTask<T?> TakeAsync(CancellationToken cancelled) => _reader.TakeAsync(_parser, cancelled);
}

/// <summary>A stream of messages to the client. One writer at a time.</summary>
public sealed class GrpcReplies<T> where T : class, IMessage<T>
{
    private readonly GrpcWriter _writer;

    internal GrpcReplies(GrpcWriter writer) => _writer = writer;

    /// <summary>Appends a message without sending it yet.</summary>
    public void Write(T message) => _writer.Write(message);

    /// <summary>Sends what was written; waits while the client is slow.</summary>
    public ValueTask FlushAsync() => _writer.FlushAsync();

    /// <summary>Appends a message and sends it.</summary>
    public ValueTask WriteAsync(T message)
    {
        _writer.Write(message);
        return _writer.FlushAsync();
    }
}

/// <summary>
/// A method as the engine runs it: reads, calls the handler, writes; the status is the engine's.
/// </summary>
internal delegate Task GrpcMethod(GrpcCall call);

/// <summary>The four kinds of methods.</summary>
internal static class GrpcMethods
{
    public static GrpcMethod Unary<TRequest, TReply>(
        MessageParser<TRequest> parser, Func<TRequest, GrpcCall, ValueTask<TReply>> handler)
        where TRequest : class, IMessage<TRequest> where TReply : class, IMessage<TReply> => async call =>
    {
        var request = await call.Reader.ReadSingleAsync(parser).ConfigureAwait(false);
        call.Writer.Write(await handler(request, call).ConfigureAwait(false));
        // A small reply leaves with the end of the call, in one write with its status.
        if (call.HasLargeReply)
            await call.FlushAsync().ConfigureAwait(false);
    };

    public static GrpcMethod ServerStreaming<TRequest, TReply>(
        MessageParser<TRequest> parser, Func<TRequest, GrpcReplies<TReply>, GrpcCall, Task> handler)
        where TRequest : class, IMessage<TRequest> where TReply : class, IMessage<TReply> => async call =>
    {
        var request = await call.Reader.ReadSingleAsync(parser).ConfigureAwait(false);
        await handler(request, new(call.Writer), call).ConfigureAwait(false);
    };

    public static GrpcMethod ClientStreaming<TRequest, TReply>(
        MessageParser<TRequest> parser, Func<GrpcRequests<TRequest>, GrpcCall, ValueTask<TReply>> handler)
        where TRequest : class, IMessage<TRequest> where TReply : class, IMessage<TReply> => async call =>
    {
        await StartAsync(call).ConfigureAwait(false);
        call.Writer.Write(await handler(new(call.Reader, parser), call).ConfigureAwait(false));
    };

    public static GrpcMethod Bidirectional<TRequest, TReply>(
        MessageParser<TRequest> parser,
        Func<GrpcRequests<TRequest>, GrpcReplies<TReply>, GrpcCall, Task> handler)
        where TRequest : class, IMessage<TRequest> where TReply : class, IMessage<TReply> => async call =>
    {
        await StartAsync(call).ConfigureAwait(false);
        await handler(new(call.Reader, parser), new(call.Writer), call).ConfigureAwait(false);
    };

    /// <summary>
    /// Sends the headers before anything is read: some clients send nothing until they have them.
    /// </summary>
    private static async Task StartAsync(GrpcCall call)
    {
        call.TakesManyMessages();
        await call.Body.StartAsync(call.Cancelled).ConfigureAwait(false);
        await call.Writer.FlushAsync().ConfigureAwait(false);
    }
}
