using System.Globalization;
using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Quorum;

namespace Kvorum.Node.Administration;

/// <summary>What a keyspace promises, by one node's own map. Any thread.</summary>
internal static class KeyspaceExplainer
{
    /// <summary>The answer to an operator.</summary>
    /// <param name="cluster">The map.</param>
    /// <param name="options">How often replicas compare, and how long tombstones are kept.</param>
    /// <param name="asked">The question.</param>
    public static AdminReply Explain(ClusterView cluster, NodeOptions options, ExplainKeyspace asked)
    {
        if (KeyLocator.WhyNot(cluster, asked.Keyspace) is { } refusal)
            return refusal;
        var keyspace = cluster.Keyspace(asked.Keyspace)!;
        var counts = keyspace.Groups.All.Select(group => cluster.PreferenceOf(group).Count).ToArray();
        var promise = Explain(keyspace.Settings, cluster.Ids.Count, options) with
        {
            Now =
            [
                .. Fewer(keyspace.Settings, counts),
                .. Moving(keyspace.Groups.All.Count(group =>
                    cluster.Placement.Placed(group)?.Switch is not null)),
            ],
        };
        return AdminReply.Of(ReplyStatus.Ok, "") with { Promise = promise };
    }

    /// <summary>What settings promise in a cluster of so many members.</summary>
    public static KeyspaceExplanation Explain(KeyspaceSettings settings, int members, NodeOptions options) =>
        settings.Quorum is { } numbers
            ? OfQuorum(settings, numbers.Of(settings.ReplicationFactor), members, options)
            : OfStrong(settings);

    private static KeyspaceExplanation OfQuorum(
        KeyspaceSettings settings, QuorumSettings numbers, int members, NodeOptions options)
    {
        var promise = new QuorumPromise(numbers);
        return new()
        {
            Keyspace = settings.Name,
            Mode = settings.Mode,
            Partitions = settings.PartitionCount,
            Replicas = numbers.Replicas,
            WriteQuorum = numbers.WriteQuorum,
            ReadQuorum = numbers.ReadQuorum,
            Sloppy = numbers.IsSloppy,
            ClientTimestamps = numbers.AllowsClientTime,
            ReadsSeeWrites = promise.ReadsSeeAcknowledgedWrites,
            BothSidesWritable = promise.BothSidesWritable,
            Durable = true,
            StalenessMs = promise.ReadsSeeAcknowledgedWrites ? 0 : null,
            SyncIntervalMs = options.SyncIntervalMs,
            TombstoneMinMs = options.TombstoneMinMs,
            Losses = [.. promise.Losses(members).Select(Describe)],
            Promise =
            [
                .. promise.Sentences(),
                $"Each two replicas compare what they hold every {Seconds(options.SyncIntervalMs)}, and "
                    + "hints are handed over when their node is back: until then a replica that missed a "
                    + "write stays behind, and for as long as the others cannot reach it.",
                "A deleted key, or one whose life has ended, is kept as a tombstone for at least "
                    + $"{Seconds(options.TombstoneMinMs)} and until all replicas are known to have it: a "
                    + "node that is away holds tombstones back, and kvorum status names it.",
                "A request may ask for another quorum (--quorum one, quorum, all or a number): then its "
                    + "receipt says what it was promised.",
                .. numbers.AllowsClientTime
                    ?
                    [
                        "A client may give a write its time (--timestamp): it is acknowledged, and loses to "
                            + "one of a later time that was there before.",
                    ]
                    : Array.Empty<string>(),
            ],
            Now = [],
        };
    }

    private static KeyspaceExplanation OfStrong(KeyspaceSettings settings)
    {
        var voters = ReplicaTarget.VotersOf(settings.ReplicationFactor);
        var promise = new StrongPromise(voters, settings.ReplicationFactor - voters);
        return new()
        {
            Keyspace = settings.Name,
            Mode = settings.Mode,
            Partitions = settings.PartitionCount,
            Replicas = settings.ReplicationFactor,
            WriteQuorum = promise.Needed,
            ReadQuorum = promise.Needed,
            Sloppy = false,
            ReadsSeeWrites = true,
            BothSidesWritable = false,
            Durable = true,
            StalenessMs = 0,
            Losses = [.. promise.Losses().Select(Describe)],
            Promise = [.. promise.Sentences(), "A deleted key is gone at once: no tombstone is kept."],
            Now = [],
        };
    }

    // W and R that are a majority follow the number of replicas.
    private static IEnumerable<string> Fewer(KeyspaceSettings settings, int[] counts)
    {
        var fewer = counts.Where(count => count < settings.ReplicationFactor).ToArray();
        if (fewer.Length == 0)
            yield break;
        var least = fewer.Min();
        var there = settings.Quorum is { } numbers
            ? $"W = {numbers.WriteOf(least)} and R = {numbers.ReadOf(least)}"
            : $"a majority is {new StrongPromise(ReplicaTarget.VotersOf(least)).Needed}";
        yield return $"{fewer.Length} of {counts.Length} partitions have fewer than "
            + $"{settings.ReplicationFactor} replicas, the least {least}: there {there}. Add members, or "
            + "wait for moves to end.";
    }

    private static IEnumerable<string> Moving(int count) => count == 0 ? [] :
    [
        $"The replicas of {count} partitions change: until that is done, a write there needs W of the old "
            + "and W of the new replicas.",
    ];

    private static LossExplanation Describe(ReplicaLoss loss) => new()
    {
        Lost = loss.Lost,
        Writes = loss.WritesGoOn,
        Reads = loss.ReadsGoOn,
        Acknowledged = loss.KeepsAcknowledged,
        Repaired = loss.KeepsRepaired,
    };

    private static string Seconds(long ms) =>
        string.Create(CultureInfo.InvariantCulture, $"{ms / 1000.0:0.###} s");
}
