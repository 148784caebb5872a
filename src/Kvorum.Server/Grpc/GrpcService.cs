using Google.Protobuf.Reflection;
using Grpc.Core;

namespace Kvorum.Server.Grpc;

/// <summary>A service: what its .proto says, and how its methods are bound to their handlers.</summary>
/// <param name="Descriptor">What the .proto says.</param>
/// <param name="BindTo">Hands each method with its handler to the binder.</param>
public sealed record GrpcService(ServiceDescriptor Descriptor, Action<ServiceBinderBase> BindTo)
{
    /// <summary>The service's full name.</summary>
    public string Name => Descriptor.FullName;

    /// <summary>True if it is for everybody, where rights are enforced, too: probes, and the description.
    /// </summary>
    public bool IsPublic { get; init; }

    /// <summary>Serves its common calls without the library; null if all take the long way.</summary>
    internal DirectCalls? Direct { get; init; }
}
