using Kvorum.Node;

namespace Kvorum.Server.Grpc;

/// <summary>All gRPC services of a node.</summary>
internal static class GrpcServices
{
    public static IReadOnlyList<GrpcService> Of(INode node, GrpcOptions options)
    {
        var key = new KvService(node, options).Bind();
        var compatibility = new CompatibilityKvService(node, options).Bind();
        var health = new HealthService(node, [key.Name, compatibility.Name], options).Bind();
        var reflection = new ReflectionService([key.Descriptor, compatibility.Descriptor, health.Descriptor]);
        return [key, compatibility, health, .. reflection.Bind()];
    }
}
