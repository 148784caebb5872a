using Kvorum.Node;
using Kvorum.Server.Access;

namespace Kvorum.Server.Grpc;

/// <summary>The gRPC services of a node, for clients and for nodes.</summary>
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
        var ring = new GrpcService(
            Ring.KVStore.Descriptor,
            binder => Ring.KVStore.BindService(binder, new KvStoreService(node, options)));
        var admin = new GrpcService(
            V1.Admin.Descriptor, binder => V1.Admin.BindService(binder, new AdminService(node, options)));
        var health = new GrpcService(
            HealthV1.Health.Descriptor,
            binder => HealthV1.Health.BindService(
                binder, new HealthService(
                    node, [key.Name, compatibility.Name, ring.Name, admin.Name], options)))
        {
            IsPublic = true,
        };
        var reflection = new ReflectionService(
        [
            key.Descriptor, admin.Descriptor, compatibility.Descriptor, ring.Descriptor, health.Descriptor,
        ]);
        return
        [
            key, admin, compatibility, ring, health,
            new(
                Ring.NodeInternal.Descriptor,
                static binder => Ring.NodeInternal.BindService(binder, new NodeInternalRefusal())),
            new(
                ReflectionV1.ServerReflection.Descriptor,
                binder => ReflectionV1.ServerReflection.BindService(binder, reflection))
            {
                IsPublic = true,
            },
            new(
                ReflectionV1Alpha.ServerReflection.Descriptor,
                binder => ReflectionV1Alpha.ServerReflection.BindService(binder, reflection.Alpha))
            {
                IsPublic = true,
            },
        ];
    }

    /// <summary>What is served at the port of nodes.</summary>
    public static IReadOnlyList<GrpcService> ForNodes(INode node, GrpcOptions options)
    {
        node = NodeDoor.ForNodes(node);
        var reflection = new ReflectionService([Ring.NodeInternal.Descriptor]);
        return
        [
            new(
                Ring.NodeInternal.Descriptor,
                binder => Ring.NodeInternal.BindService(binder, new NodeInternalService(node, options))),
            new(
                ReflectionV1.ServerReflection.Descriptor,
                binder => ReflectionV1.ServerReflection.BindService(binder, reflection)),
        ];
    }
}
