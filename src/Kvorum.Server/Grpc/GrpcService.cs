using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Kvorum.Server.Grpc;

/// <summary>
/// Binds the methods of a service, as its .proto describes them, to handlers. A name, message type or
/// streaming kind that differs from the description is refused at start, and so is a method without handler.
/// </summary>
public sealed class GrpcService(ServiceDescriptor descriptor)
{
    private readonly SortedDictionary<string, GrpcMethod> _methods = new(StringComparer.Ordinal);

    /// <summary>The service's full name.</summary>
    public string Name => descriptor.FullName;

    /// <summary>What the .proto says.</summary>
    public ServiceDescriptor Descriptor => descriptor;

    /// <summary>One message in, one out.</summary>
    public GrpcService Unary<TRequest, TReply>(
        string method, Func<TRequest, GrpcCall, ValueTask<TReply>> handler)
        where TRequest : class, IMessage<TRequest> where TReply : class, IMessage<TReply> =>
        Bind<TRequest, TReply>(method, false, false, parser => GrpcMethods.Unary(parser, handler));

    /// <summary>One message in, many out.</summary>
    public GrpcService ServerStreaming<TRequest, TReply>(
        string method, Func<TRequest, GrpcReplies<TReply>, GrpcCall, Task> handler)
        where TRequest : class, IMessage<TRequest> where TReply : class, IMessage<TReply> =>
        Bind<TRequest, TReply>(method, false, true, parser => GrpcMethods.ServerStreaming(parser, handler));

    /// <summary>Many messages in, one out.</summary>
    public GrpcService ClientStreaming<TRequest, TReply>(
        string method, Func<GrpcRequests<TRequest>, GrpcCall, ValueTask<TReply>> handler)
        where TRequest : class, IMessage<TRequest> where TReply : class, IMessage<TReply> =>
        Bind<TRequest, TReply>(method, true, false, parser => GrpcMethods.ClientStreaming(parser, handler));

    /// <summary>Many messages in, many out.</summary>
    public GrpcService Bidirectional<TRequest, TReply>(
        string method, Func<GrpcRequests<TRequest>, GrpcReplies<TReply>, GrpcCall, Task> handler)
        where TRequest : class, IMessage<TRequest> where TReply : class, IMessage<TReply> =>
        Bind<TRequest, TReply>(method, true, true, parser => GrpcMethods.Bidirectional(parser, handler));

    /// <summary>All methods by path. <see cref="InvalidOperationException"/> if one has no handler.</summary>
    internal IEnumerable<KeyValuePair<string, GrpcMethod>> Methods()
    {
        foreach (var method in descriptor.Methods)
        {
            yield return _methods.TryGetValue(method.Name, out var bound)
                ? new($"/{descriptor.FullName}/{method.Name}", bound)
                : throw new InvalidOperationException($"{method.FullName} has no handler");
        }
    }

    private GrpcService Bind<TRequest, TReply>(
        string name, bool clientStreams, bool serverStreams, Func<MessageParser<TRequest>, GrpcMethod> bind)
        where TRequest : class, IMessage<TRequest> where TReply : class, IMessage<TReply>
    {
        var method = descriptor.FindMethodByName(name)
            ?? throw new ArgumentException($"{descriptor.FullName} has no method {name}", nameof(name));
        if (method.InputType.ClrType != typeof(TRequest) || method.OutputType.ClrType != typeof(TReply)
            || method.IsClientStreaming != clientStreams || method.IsServerStreaming != serverStreams)
            throw new ArgumentException($"{method.FullName} is declared otherwise", nameof(name));
        _methods.Add(name, bind((MessageParser<TRequest>)method.InputType.Parser));
        return this;
    }
}
