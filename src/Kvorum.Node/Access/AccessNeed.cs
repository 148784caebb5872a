using System.Diagnostics;
using Kvorum.Protocol;

namespace Kvorum.Node.Access;

/// <summary>What a request needs rights to: all of its actions, on all of its keys.</summary>
/// <param name="Actions">The actions.</param>
/// <param name="Keyspace">The keyspace; <see cref="AllKeyspaces"/> for what concerns the cluster.</param>
/// <param name="Keys">The keys; without bounds for what concerns a keyspace as a whole.</param>
/// <param name="IsOneKey">True if it is about the first of them alone.</param>
public readonly record struct AccessNeed(
    AccessActions Actions, string Keyspace, KeyRange Keys, bool IsOneKey = false)
{
    /// <summary>Stands for every keyspace, those that do not exist yet among them.</summary>
    public const string AllKeyspaces = "*";

    /// <summary>It is enough to be known.</summary>
    public static AccessNeed Known { get; } = new(AccessActions.None, AllKeyspaces, default);

    /// <summary>To something that concerns the cluster.</summary>
    public static AccessNeed OfCluster(AccessActions actions) => new(actions, AllKeyspaces, default);

    /// <summary>To something that concerns a whole keyspace.</summary>
    public static AccessNeed OfKeyspace(AccessActions actions, string keyspace) =>
        new(actions, keyspace, default);

    /// <summary>To one key.</summary>
    public static AccessNeed OfKey(AccessActions actions, string keyspace, ReadOnlyMemory<byte> key) =>
        new(actions, keyspace, new(key, default), IsOneKey: true);

    /// <summary>
    /// What a request of a client needs. Whoever learns something of what is stored by a write needs the
    /// right to read, too: the previous value, or whether a version is the present one.
    /// </summary>
    public static AccessNeed Of(Request request)
    {
        switch (request)
        {
            case GetRequest:
                return OfKey(AccessActions.Read, request.Keyspace, request.Key);
            case PutRequest put:
                return OfKey(AccessActions.Write | Learnt(put), request.Keyspace, request.Key);
            case DeleteRequest delete:
                return OfKey(AccessActions.Delete | Learnt(delete), request.Keyspace, request.Key);
            case ScanRequest scan:
                return new(AccessActions.Scan, request.Keyspace, new(scan.Key, scan.End));
            default:
                throw new UnreachableException($"It is not stated which rights a {request.Kind} needs.");
        }
    }

    private static AccessActions Learnt(WriteRequest write) =>
        write.ReturnPrevious || write.IfVersion is not null ? AccessActions.Read : AccessActions.None;
}
