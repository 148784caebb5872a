using System.Buffers;
using Google.Protobuf;
using Grpc.Core;

namespace Kvorum.Server.Grpc;

/// <summary>
/// Binds services to the library that serves them, and adds what it does not do: a message that cannot be
/// read ends with a status that says what is wrong with it, a failure of a handler with one that tells the
/// client what to do, and streams of requests get their headers before their first message.
/// </summary>
internal sealed class StrictBinder(HandlerFailures failures) : ServiceBinderBase
{
    private readonly ServerServiceDefinition.Builder _definition = ServerServiceDefinition.CreateBuilder();

    /// <summary>All that was bound.</summary>
    public ServerServiceDefinition Definition => _definition.Build();

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
        _definition.AddMethod(Strict(method), async (request, context) =>
        {
            try
            {
                return await handler!(request, context).ConfigureAwait(false);
            }
            catch (Exception failure)
            {
                throw Failure(failure, context);
            }
        });

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
        _definition.AddMethod(Strict(method), async (request, replies, context) =>
        {
            try
            {
                await handler!(request, replies, context).ConfigureAwait(false);
            }
            catch (Exception failure)
            {
                throw Failure(failure, context);
            }
        });

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
        _definition.AddMethod(Strict(method), async (requests, context) =>
        {
            try
            {
                await BeginAsync(context).ConfigureAwait(false);
                return await handler!(requests, context).ConfigureAwait(false);
            }
            catch (Exception failure)
            {
                throw Failure(failure, context);
            }
        });

    /// <inheritdoc/>
    public override void AddMethod<TRequest, TResponse>(
        Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
        _definition.AddMethod(Strict(method), async (requests, replies, context) =>
        {
            try
            {
                await BeginAsync(context).ConfigureAwait(false);
                await handler!(requests, replies, context).ConfigureAwait(false);
            }
            catch (Exception failure)
            {
                throw Failure(failure, context);
            }
        });

    /// <summary>
    /// Sends the headers before anything is read: some clients send nothing until they have them.
    /// </summary>
    private static Task BeginAsync(ServerCallContext context)
    {
        GrpcCall.Of(context).TakesManyMessages();
        return context.WriteResponseHeadersAsync([]);
    }

    private static Method<TRequest, TResponse> Strict<TRequest, TResponse>(Method<TRequest, TResponse> method)
        where TRequest : class where TResponse : class => new(
            method.Type, method.ServiceName, method.Name,
            Marshallers.Create(
                method.RequestMarshaller.ContextualSerializer,
                context => Read(method.RequestMarshaller, context)),
            method.ResponseMarshaller);

    private static T Read<T>(Marshaller<T> marshaller, DeserializationContext context) where T : class
    {
        try
        {
            return marshaller.ContextualDeserializer(context);
        }
        catch (InvalidProtocolBufferException wrong)
        {
            return (T)(object)Refused(
                (IMessage)Activator.CreateInstance<T>(), context.PayloadAsReadOnlySequence(), wrong);
        }
    }

    /// <summary>Says what is wrong, except with one of many requests on a stream: it alone fails.</summary>
    private static V1.KeyRequest Refused(
        IMessage empty, in ReadOnlySequence<byte> bytes, InvalidProtocolBufferException wrong)
    {
        if (TextFields.Problem(empty.Descriptor, bytes) is not { } problem)
            throw NotOne(empty, wrong);
        if (empty is not V1.KeyRequest)
            throw GrpcErrors.Of(StatusCode.InvalidArgument, problem);
        try
        {
            return V1.KeyRequest.OfBadText(bytes, problem);
        }
        catch (InvalidProtocolBufferException more)
        {
            throw NotOne(empty, more);
        }
    }

    private static RpcException NotOne(IMessage message, InvalidProtocolBufferException wrong) =>
        GrpcErrors.Of(
            StatusCode.Internal, $"the message is not a {message.Descriptor.Name}: {wrong.Message}");

    private RpcException Failure(Exception failure, ServerCallContext context) =>
        failures.Of(failure, context.GetHttpContext());
}
