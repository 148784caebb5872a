using Kvorum.Node;
using Kvorum.Node.Administration;

namespace Kvorum.Server.Grpc;

/// <summary>
/// What a keyspace promises, and who holds a key, as messages of kvorum.v1.Admin. Fields have the names that
/// they have in JSON.
/// </summary>
internal static class ExplainMessages
{
    public static V1.KeyspaceExplanation Of(KeyspaceExplanation promise)
    {
        var message = new V1.KeyspaceExplanation
        {
            Keyspace = promise.Keyspace,
            Mode = promise.Mode,
            Partitions = (uint)promise.Partitions,
            Replicas = (uint)promise.Replicas,
            WriteQuorum = (uint)promise.WriteQuorum,
            ReadQuorum = (uint)promise.ReadQuorum,
            Sloppy = promise.Sloppy,
            ClientTimestamps = promise.ClientTimestamps,
            ReadsSeeWrites = promise.ReadsSeeWrites,
            BothSidesWritable = promise.BothSidesWritable,
            Durable = promise.Durable,
            Losses = { promise.Losses.Select(Of) },
            Promise = { promise.Promise },
            Now = { promise.Now },
        };
        if (promise.StalenessMs is { } staleness)
            message.StalenessMs = staleness;
        if (promise.SyncIntervalMs is { } interval)
            message.SyncIntervalMs = (ulong)interval;
        if (promise.TombstoneMinMs is { } kept)
            message.TombstoneMinMs = (ulong)kept;
        return message;
    }

    public static V1.KeyExplanation Of(KeyExplanation key) => new()
    {
        Keyspace = key.Keyspace,
        Mode = key.Mode,
        Slot = (uint)key.Slot,
        Partition = key.Partition,
        Leader = key.Leader,
        Summary = key.Summary,
        Replicas = { key.Replicas.Select(Of) },
        StandIns = { key.StandIns.Select(Of) },
    };

    private static V1.LossExplanation Of(LossExplanation loss) => new()
    {
        Lost = (uint)loss.Lost,
        Writes = loss.Writes,
        Reads = loss.Reads,
        Acknowledged = loss.Acknowledged,
        Repaired = loss.Repaired,
    };

    private static V1.ReplicaOfKey Of(ReplicaOfKey replica)
    {
        var message = new V1.ReplicaOfKey
        {
            Name = replica.Name,
            State = replica.State,
            Place = replica.Place,
            Role = replica.Role,
            Has = replica.Has,
            Version = replica.Version,
            Reason = replica.Reason,
        };
        if (replica.ValueBytes is { } bytes)
            message.ValueBytes = (ulong)bytes;
        if (replica.ExpiresMs is { } expires)
            message.ExpiresMs = expires;
        if (replica.Applied is { } applied)
            message.Applied = applied;
        if (replica.Newest is { } newest)
            message.Newest = newest;
        return message;
    }
}
