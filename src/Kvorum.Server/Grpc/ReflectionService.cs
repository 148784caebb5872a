using System.Collections.Frozen;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Kvorum.Server.Grpc.ReflectionV1;
using Asked = Kvorum.Server.Grpc.ReflectionV1.ServerReflectionRequest.MessageRequestOneofCase;

namespace Kvorum.Server.Grpc;

/// <summary>
/// The standard reflection service of gRPC ("GRPC Server Reflection Protocol"), by both of its names: tools
/// such as grpcurl need no .proto files. It tells what the generated code carries of the files that
/// it was made from. The library's own service knows no fields, has no answer to questions about extensions,
/// and leaves out the host and the question that an answer must repeat. Immutable: any number of calls at
/// once.
/// </summary>
internal sealed class ReflectionService : ServerReflection.ServerReflectionBase
{
    private static readonly ServiceDescriptor[] Own =
    [
        ServerReflection.Descriptor,
        ReflectionV1Alpha.ServerReflection.Descriptor,
    ];

    private readonly string[] _services;
    private readonly FrozenDictionary<string, FileDescriptor> _files;
    private readonly FrozenDictionary<string, IDescriptor> _symbols;

    /// <summary>Tells of <paramref name="services"/> and of itself.</summary>
    public ReflectionService(IEnumerable<ServiceDescriptor> services)
    {
        ServiceDescriptor[] all = [.. services, .. Own];
        _services = [.. all.Select(static service => service.FullName).Order(StringComparer.Ordinal)];
        _files = all.SelectMany(static service => WithImports(service.File))
            .DistinctBy(static file => file.Name)
            .ToFrozenDictionary(static file => file.Name, StringComparer.Ordinal);
        _symbols = _files.Values.SelectMany(SymbolsOf)
            .ToFrozenDictionary(static symbol => symbol.FullName, StringComparer.Ordinal);
    }

    /// <summary>The same, by its older name.</summary>
    public ReflectionV1Alpha.ServerReflection.ServerReflectionBase Alpha => new ByOlderName(this);

    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requestStream,
        IServerStreamWriter<ServerReflectionResponse> responseStream, ServerCallContext context)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(
            context.CancellationToken, GrpcCall.Of(context).Stopping);
        while (await requestStream.MoveNext(ending.Token).ConfigureAwait(false))
        {
            var request = requestStream.Current;
            var answer = Answer(request);
            answer.ValidHost = request.Host;
            answer.OriginalRequest = request;
            await responseStream.WriteAsync(answer).ConfigureAwait(false);
        }
    }

    private ServerReflectionResponse Answer(ServerReflectionRequest request) =>
        request.MessageRequestCase switch
        {
            Asked.ListServices => Services(),
            Asked.FileByFilename => Files(_files.GetValueOrDefault(request.FileByFilename))
                ?? NotFound($"there is no file {request.FileByFilename}"),
            Asked.FileContainingSymbol =>
                Files(_symbols.GetValueOrDefault(request.FileContainingSymbol)?.File)
                ?? NotFound($"there is no symbol {request.FileContainingSymbol}"),
            Asked.AllExtensionNumbersOfType => Extensions(request.AllExtensionNumbersOfType),
            Asked.FileContainingExtension => NotFound("there are no extensions"),
            _ => Failed(StatusCode.InvalidArgument, "the request asks for nothing"),
        };

    private ServerReflectionResponse Services()
    {
        var list = new ListServiceResponse();
        list.Service.Add(_services.Select(static name => new ServiceResponse { Name = name }));
        return new() { ListServicesResponse = list };
    }

    private static ServerReflectionResponse? Files(FileDescriptor? file)
    {
        if (file is null)
            return null;
        var files = new FileDescriptorResponse();
        files.FileDescriptorProto.Add(WithImports(file).Distinct().Select(static one => one.SerializedData));
        return new() { FileDescriptorResponse = files };
    }

    /// <summary>proto3 has none; which type was meant is checked all the same.</summary>
    private ServerReflectionResponse Extensions(string type) =>
        _symbols.GetValueOrDefault(type) is MessageDescriptor
            ? new() { AllExtensionNumbersResponse = new() { BaseTypeName = type } }
            : NotFound($"there is no message {type}");

    private static ServerReflectionResponse NotFound(string what) => Failed(StatusCode.NotFound, what);

    private static ServerReflectionResponse Failed(StatusCode status, string message) =>
        new() { ErrorResponse = new() { ErrorCode = (int)status, ErrorMessage = message } };

    private static IEnumerable<FileDescriptor> WithImports(FileDescriptor file) =>
        [file, .. file.Dependencies.SelectMany(WithImports)];

    private static IEnumerable<IDescriptor> SymbolsOf(FileDescriptor file) =>
    [
        .. file.Services, .. file.Services.SelectMany(static service => service.Methods),
        .. file.EnumTypes.SelectMany(SymbolsOf), .. file.MessageTypes.SelectMany(SymbolsOf),
    ];

    private static IEnumerable<IDescriptor> SymbolsOf(MessageDescriptor message) =>
    [
        message, .. message.Fields.InDeclarationOrder(), .. message.Oneofs,
        .. message.EnumTypes.SelectMany(SymbolsOf), .. message.NestedTypes.SelectMany(SymbolsOf),
    ];

    private static IEnumerable<IDescriptor> SymbolsOf(EnumDescriptor type) => [type, .. type.Values];

    private sealed class ByOlderName(ReflectionService reflection)
        : ReflectionV1Alpha.ServerReflection.ServerReflectionBase
    {
        public override Task ServerReflectionInfo(
            IAsyncStreamReader<ServerReflectionRequest> requestStream,
            IServerStreamWriter<ServerReflectionResponse> responseStream, ServerCallContext context) =>
            reflection.ServerReflectionInfo(requestStream, responseStream, context);
    }
}
