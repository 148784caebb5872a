using Kvorum.Node;

namespace Kvorum.Server.Grpc;

/// <summary>All gRPC services of a node.</summary>
internal static class GrpcServices
{
    public static IReadOnlyList<GrpcService> Of(INode node, GrpcOptions options)
    {
        var key = new GrpcService(
            V1.KV.Descriptor, binder => V1.KV.BindService(binder, new KvService(node, options)))
        {
            Direct = new(node, options),
        };
        var compatibility = new GrpcService(
            Compatibility.KV.Descriptor,
            binder => Compatibility.KV.BindService(binder, new CompatibilityKvService(node, options)));
        var admin = new GrpcService(
            V1.Admin.Descriptor, binder => V1.Admin.BindService(binder, new AdminService(node, options)));
        var health = new GrpcService(
            HealthV1.Health.Descriptor,
            binder => HealthV1.Health.BindService(
                binder, new HealthService(node, [key.Name, compatibility.Name, admin.Name], options)));
        var reflection = new ReflectionService(
            [key.Descriptor, admin.Descriptor, compatibility.Descriptor, health.Descriptor]);
        return
        [
            key, admin, compatibility, health,
            new(
                ReflectionV1.ServerReflection.Descriptor,
                binder => ReflectionV1.ServerReflection.BindService(binder, reflection)),
            new(
                ReflectionV1Alpha.ServerReflection.Descriptor,
                binder => ReflectionV1Alpha.ServerReflection.BindService(binder, reflection.Alpha)),
        ];
    }
}
