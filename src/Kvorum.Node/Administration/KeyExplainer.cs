using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Administration;

/// <summary>Puts together what the replicas of a key have told. A decider.</summary>
internal static class KeyExplainer
{
    /// <summary>The replicas, as far as this node's map knows them: none has told anything yet.</summary>
    public static IReadOnlyList<(NodeId Node, ReplicaOfKey Replica)> Replicas(
        ClusterView cluster, in KeyLocator.Place place)
    {
        if (cluster.Placement.Placed(place.Group) is not { } placed)
            return [];
        return [.. placed.Holders.Select(node => (node, new ReplicaOfKey
        {
            Name = cluster.Members.NameOf(node),
            State = StateOf(cluster, node, out var reason),
            Place = PlaceOf(placed, node),
            Reason = reason,
        }))];
    }

    /// <summary>
    /// The other nodes that can be asked for hints: in a sloppy keyspace these count as replicas.
    /// </summary>
    public static IReadOnlyList<(NodeId Node, ReplicaOfKey Replica)> StandIns(
        ClusterView cluster, in KeyLocator.Place place)
    {
        if (place.Keyspace.Settings.Quorum is not { IsSloppy: true }
            || cluster.Placement.Placed(place.Group) is not { } placed)
            return [];
        return [.. cluster.Ids.Where(node => !placed.Holders.Contains(node) && cluster.Health.IsUp(node))
            .Select(node => (node, new ReplicaOfKey
            {
                Name = cluster.Members.NameOf(node),
                State = "up",
                Role = "stand-in",
            }))];
    }

    /// <summary>The answer.</summary>
    /// <param name="cluster">The map.</param>
    /// <param name="keyspace">The keyspace's name.</param>
    /// <param name="place">Where the key is.</param>
    /// <param name="told">What the replicas have told, those that have not included.</param>
    /// <param name="others">What other nodes have told of their hints, if they were asked.</param>
    public static KeyExplanation Explain(
        ClusterView cluster, string keyspace, in KeyLocator.Place place, IReadOnlyList<ReplicaOfKey> told,
        IEnumerable<ReplicaOfKey> others)
    {
        var judged = Judge([.. told, .. others.Where(static one => IsKnown(one) && one.Version.Length > 0)]);
        ReplicaOfKey[] replicas = [.. judged.Take(told.Count)];
        ReplicaOfKey[] standIns = [.. judged.Skip(told.Count)];
        var leader = place.Keyspace.IsQuorum ? null : cluster.Leaders.Of(place.Group);
        return new()
        {
            Keyspace = keyspace,
            Mode = place.Keyspace.Settings.Mode,
            Slot = place.Slot,
            Partition = place.Partition,
            Leader = leader is { } known ? cluster.Members.NameOf(known) : "",
            Summary = InWords(replicas, standIns, place.Keyspace.Settings.Quorum),
            Replicas = replicas,
            StandIns = standIns,
        };
    }

    /// <summary>Marks those with the newest version.</summary>
    public static IReadOnlyList<ReplicaOfKey> Judge(IReadOnlyList<ReplicaOfKey> told)
    {
        var newest = told.Where(IsKnown).Select(static one => Order(one.Version))
            .DefaultIfEmpty().Max();
        return [.. told.Select(one =>
            IsKnown(one) ? one with { Newest = Order(one.Version).CompareTo(newest) == 0 } : one)];
    }

    private static bool IsKnown(ReplicaOfKey one) => one.Has != "unknown";

    // A version of a strong keyspace is a number, one of a quorum keyspace has a writer, too.
    private static (ulong Time, ulong Writer) Order(string version) =>
        WriteVersion.ParseOrNull(version) is { } whole ? (whole.Time, whole.Writer)
            : ulong.TryParse(version, out var number) ? (number, 0UL) : default;

    private static string InWords(ReplicaOfKey[] replicas, ReplicaOfKey[] standIns, QuorumNumbers? numbers)
    {
        if (standIns.Length == 0)
            return InWords(replicas, standIns: 0, numbers);
        var newest = standIns.Count(static one => one.Newest == true);
        var hints = newest == standIns.Length ? "the newest version" : $"{newest} of them the newest version";
        return $"{InWords(replicas, newest, numbers)}; hints of it are on "
            + $"{string.Join(", ", standIns.Select(static one => one.Name))}, with {hints}, until they are "
            + "handed over";
    }

    private static string InWords(
        ReplicaOfKey[] replicas, int standIns, QuorumNumbers? numbers)
    {
        if (replicas.Length == 0)
            return "the replicas of the partition are not placed yet";
        var (known, newest) = (replicas.Count(IsKnown), replicas.Count(static one => one.Newest == true));
        var asked = $"{known} of {replicas.Length} replicas answered";
        if (known == 0)
            return $"{asked}: nothing is known of the key";
        var behind = known - newest;
        var agreed = behind == 0
            ? $"{asked} and have the same"
            : $"{asked}, {newest} of them with the newest version: "
                + (numbers is null ? "the others apply it when they hear of it"
                    : "reads, hints or the next comparison repair the others");
        var needed = numbers?.WriteOf(replicas.Length) ?? (replicas.Length / 2) + 1;
        return newest + standIns >= needed ? agreed
            : $"{agreed}. So few have it that it may be lost with their disks, or be a write that was not "
                + "acknowledged";
    }

    private static string StateOf(ClusterView cluster, NodeId node, out string reason)
    {
        reason = "";
        if (cluster.Health.IsUp(node))
            return "up";
        var (state, _, why) = cluster.Health.StateOf(node);
        reason = state == PeerState.Up ? "connected, and not accepted" : why;
        return state == PeerState.Suspect ? "suspect" : "down";
    }

    private static string PlaceOf(PlacedGroup placed, NodeId node) =>
        placed.Switch is not { } change ? "stays"
        : !placed.Nodes.Contains(node) ? "goes" : change.Present.Contains(node) ? "stays" : "comes";
}
