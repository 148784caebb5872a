using System.Globalization;
using Kvorum.Node.Placement;
using Kvorum.Node.Placement.Planning;
using Kvorum.Node.State;
using Kvorum.Protocol;

namespace Kvorum.Node.Administration;

/// <summary>Keyspaces that are to be made, changed or dropped.</summary>
/// <param name="place">Where the replicas of a new keyspace should be. Any thread.</param>
internal sealed class KeyspaceDecider(Func<KeyspaceSettings, IReadOnlyList<ReplicaTarget>> place)
{
    private const int PartitionsMax = 4096;
    private const int ReplicasMax = 15;

    /// <summary>A new keyspace.</summary>
    public AdminDecision Decide(CreateKeyspace change, MetaMachine state)
    {
        if (WhyNoName(change.Keyspace) is { } why)
            return Refusal.Wrong(why);
        if (state.KeyspaceNamed(KeyspaceName.Default) is not { Settings: var model })
        {
            return new AdminDecision.Answer(AdminReply.Of(
                ReplyStatus.Unavailable, "nothing was done: the cluster is being founded; ask again"));
        }

        var settings = model with
        {
            Name = change.Keyspace,
            PartitionCount = change.Partitions ?? model.PartitionCount,
            ReplicationFactor = change.Replicas ?? model.ReplicationFactor,
            Mode = change.Mode ?? KeyspaceSettings.Strong,
            Quorum = change.Mode == KeyspaceSettings.QuorumMode
                ? new(change.WriteQuorum ?? 0, change.ReadQuorum ?? 0, change.IsSloppy)
                {
                    AllowsClientTime = change.ClientTimestamps == true,
                }
                : null,
        };
        var bound = Bounded("partitions", settings.PartitionCount, PartitionsMax)
            ?? Bounded("replicas", settings.ReplicationFactor, ReplicasMax) ?? WhyNoQuorum(change, settings);
        if (bound is not null)
            return Refusal.Wrong(bound);
        if (settings.Quorum is not null && state.ActiveFormat < FormatRange.Quorums)
            return Refusal.LacksFormat(WhyNoQuorumYet(state.ActiveFormat));
        var words = InWords(settings);
        if (state.KeyspaceNamed(change.Keyspace) is { } there)
        {
            return there.Settings == settings ? Refusal.Already($"{words}; it was there before")
                : Refusal.Impossible($"there is another keyspace of this name: {InWords(there.Settings)}");
        }

        var propose = new AdminDecision.Propose(
            words, static _ => [], now => now.KeyspaceNamed(settings.Name)?.Settings == settings);
        return propose with { Prepare = cluster => Placed(propose, settings, cluster) };
    }

    /// <summary>Another replication factor, or another setting.</summary>
    public static AdminDecision Decide(AlterKeyspace change, MetaMachine state)
    {
        if (BoundedOrNull("replicas", change.Replicas, ReplicasMax) is { } bound)
            return Refusal.Wrong(bound);
        if (Missing(change.Keyspace, state, "has a replica on every member") is { } refusal)
            return refusal;
        var keyspace = state.KeyspaceNamed(change.Keyspace)!;
        return change switch
        {
            { Replicas: { } replicas, ClientTimestamps: null } =>
                ReplicasOf(keyspace, replicas, change.Force),
            { Replicas: null, ClientTimestamps: { } isAllowed } => ClientTimeOf(keyspace, isAllowed),
            { Replicas: null } =>
                Refusal.Wrong("nothing is to change: give replicas, or client timestamps"),
            _ => Refusal.Wrong("give replicas or client timestamps: one change at a time"),
        };
    }

    private static AdminDecision ReplicasOf(KeyspaceDefinition keyspace, int replicas, bool isForced)
    {
        var words = InWords(keyspace.Settings with { ReplicationFactor = replicas });
        if (keyspace.Settings.ReplicationFactor == replicas)
            return Refusal.Already($"{words}; that was so before");
        if (WhyTooFew(keyspace.Settings, replicas) is { } few)
            return Refusal.Impossible(few);
        var propose = new AdminDecision.Propose(
            words,
            timeMs => MetaRecords.EncodeReplicas(keyspace.Id, replicas, timeMs),
            now => now.Keyspaces.TryGetValue(keyspace.Id, out var found)
                && found.Settings.ReplicationFactor == replicas)
        {
            IsForced = isForced,
        };
        var decided = propose with
        {
            Prepare = cluster => propose with
            {
                Forecast = Forecast.Factor(cluster, keyspace.Id, replicas),
            },
        };
        return decided;
    }

    private static AdminDecision ClientTimeOf(KeyspaceDefinition keyspace, bool isAllowed)
    {
        if (keyspace.Settings.Quorum is not { } quorum)
        {
            return Refusal.Wrong(
                $"keyspace '{keyspace.Settings.Name}' is of mode strong: its log gives the order of writes. "
                + "Client timestamps are for keyspaces of mode quorum");
        }

        var words = InWords(keyspace.Settings with { Quorum = quorum with { AllowsClientTime = isAllowed } });
        return quorum.AllowsClientTime == isAllowed ? Refusal.Already($"{words}; that was so before")
            : new AdminDecision.Propose(
                words,
                timeMs => MetaRecords.EncodeClientTime(keyspace.Id, isAllowed, timeMs),
                now => now.Keyspaces.TryGetValue(keyspace.Id, out var found)
                    && found.Settings.Quorum?.AllowsClientTime == isAllowed);
    }

    /// <summary>The end of a keyspace.</summary>
    public static AdminDecision Decide(DropKeyspace change, MetaMachine state)
    {
        if (Missing(change.Keyspace, state, "cannot be dropped") is { } refusal)
            return refusal;
        if (change.Keyspace == KeyspaceName.Default)
            return Refusal.Wrong($"keyspace '{change.Keyspace}' cannot be dropped: every cluster has it");
        var keyspace = state.KeyspaceNamed(change.Keyspace)!;
        var count = keyspace.Settings.PartitionCount;
        var propose = new AdminDecision.Propose(
            $"keyspace '{change.Keyspace}' is dropped, with its {count} partitions and all their keys",
            timeMs => MetaRecords.EncodeDrop(keyspace.Id, timeMs),
            now => !now.Keyspaces.ContainsKey(keyspace.Id));
        return change.DryRun
            ? propose with { Prepare = cluster => WithBytes(propose, keyspace, cluster) } : propose;
    }

    // To place many partitions takes a while.
    private AdminDecision Placed(
        AdminDecision.Propose propose, KeyspaceSettings settings, PlannedCluster cluster)
    {
        var targets = place(settings);
        var active = cluster.Members.Count(static member => !member.IsDraining);
        return propose with
        {
            Done = settings.ReplicationFactor <= active ? propose.Done
                : $"{propose.Done}, as soon as there are as many members: now there are {active}",
            Command = timeMs => MetaRecords.EncodeKeyspace(settings, targets, timeMs),
            Forecast = new(true, [], 0),
        };
    }

    private static AdminDecision WithBytes(
        AdminDecision.Propose propose, KeyspaceDefinition keyspace, PlannedCluster cluster)
    {
        var bytes = cluster.Groups.Where(group => group.Keyspace == keyspace.Id)
            .Sum(static group => group.Bytes * (group.Target.Voters.Count + group.Target.Learners.Count));
        var shown = string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 20):0.0}");
        return propose with
        {
            Done = $"{propose.Done}, {shown} MiB in all replicas",
            Forecast = new(true, [], 0),
        };
    }

    private static AdminDecision.Answer? Missing(string name, MetaMachine state, string ofSystem)
    {
        if (name == KeyspaceName.System)
            return Refusal.Wrong($"keyspace '{name}' is the metadata group's: it {ofSystem}");
        return state.KeyspaceNamed(name) is null
            ? Refusal.UnknownKeyspace(name, state.Keyspaces.Values.Select(static one => one.Settings.Name))
            : null;
    }

    /// <summary>Why a cluster of that format version has no keyspace of mode quorum.</summary>
    public static string WhyNoQuorumYet(int activeFormat) =>
        $"nothing was done: a keyspace of mode quorum needs format version {FormatRange.Quorums}, and the "
        + $"cluster has {activeFormat}, because a member is down or runs an older kvorum. Start the newer "
        + "one on all members; the version rises by itself then. kvorum cluster show tells which each speaks";

    private static string? WhyNoQuorum(CreateKeyspace change, KeyspaceSettings settings)
    {
        if (settings.Mode is not (KeyspaceSettings.Strong or KeyspaceSettings.QuorumMode))
            return $"mode is '{Refusal.Shown(settings.Mode)}': give strong or quorum";
        if (settings.Quorum is not null)
        {
            return BoundedOrNull("write quorum", change.WriteQuorum, settings.ReplicationFactor)
                ?? BoundedOrNull("read quorum", change.ReadQuorum, settings.ReplicationFactor);
        }

        return change is { WriteQuorum: null, ReadQuorum: null, IsSloppy: false }
            && change.ClientTimestamps != true ? null
            : "a write quorum, a read quorum, sloppy and client timestamps are for keyspaces of mode quorum: "
                + "in a strong one a majority decides";
    }

    private static string? WhyTooFew(KeyspaceSettings settings, int replicas)
    {
        if (settings.Quorum is not { } quorum || Math.Max(quorum.Write, quorum.Read) <= replicas)
            return null;
        var (name, value) = quorum.Write > replicas ? ("write", quorum.Write) : ("read", quorum.Read);
        return $"replicas is {replicas}, and the {name} quorum of keyspace '{settings.Name}' is {value}: "
            + $"give {value} or more";
    }

    private static string? BoundedOrNull(string name, int? value, int most) =>
        value is { } given ? Bounded(name, given, most) : null;

    private static string InWords(KeyspaceSettings settings)
    {
        var words = string.Create(
            CultureInfo.InvariantCulture,
            $"keyspace '{settings.Name}' has {settings.PartitionCount} partitions of "
                + $"{settings.ReplicationFactor} replicas");
        return settings.Quorum is not { } quorum ? words
            : $"{words}, mode quorum: {Shown(quorum.Write)} of them must have a write on disk, and "
                + $"{Shown(quorum.Read)} must answer a read"
                + (quorum.IsSloppy ? "; sloppy: hints on other nodes count for replicas that are down" : "")
                + (quorum.AllowsClientTime ? "; clients may give a write its time" : "");
    }

    private static string Shown(int quorum) =>
        quorum == 0 ? "a majority" : quorum.ToString(CultureInfo.InvariantCulture);

    private static string? WhyNoName(string name) => name == KeyspaceName.System
        ? $"'{name}' is the name of the metadata group's keyspace: take another one"
        : GivenNames.WhyNot("keyspace", name);

    private static string? Bounded(string name, int value, int most) => value >= 1 && value <= most ? null
        : string.Create(CultureInfo.InvariantCulture, $"{name} is {value}: give 1 to {most}");
}
