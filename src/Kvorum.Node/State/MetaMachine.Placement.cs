using Kvorum.Node.Placement;
using Kvorum.Node.Placement.Planning;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.State;

/// <summary>Keyspaces, the targets of their groups, and the limits of moves.</summary>
internal sealed partial class MetaMachine
{
    private const int GivenUpMax = 8;

    /// <summary>The keyspace of this name; null if there is none.</summary>
    public KeyspaceDefinition? KeyspaceNamed(string name) =>
        _keyspaces.Values.FirstOrDefault(one => one.Settings.Name == name);

    // The first definition stands: two leaders in a row may both propose it.
    private bool AddKeyspace(KeyspaceSettings settings, ref ByteReader from)
    {
        if (settings.PartitionCount > from.Left)
            throw new FormatException($"a keyspace of {settings.PartitionCount} partitions without nodes");
        var placement = new ReplicaTarget[settings.PartitionCount];
        for (var partition = 0; partition < placement.Length; partition++)
            placement[partition] = MetaRecords.ReadTarget(ref from);
        var isFull = placement.Length > GroupId.MaxValue - _nextGroup.Value;
        if (KeyspaceNamed(settings.Name) is not null || isFull)
            return false;
        _epoch = _epoch.Next;
        var made = new KeyspaceDefinition(_nextKeyspace, _nextGroup, _epoch, settings);
        SetKeyspace(made);
        _nextKeyspace = new(made.Id.Value + 1);
        _nextGroup = new(made.FirstGroup.Value + (uint)placement.Length);
        Put(MetaRecords.NextNumbers, static _ => { }, value =>
        {
            value.U32(_nextKeyspace.Value);
            value.Group(_nextGroup);
        });
        foreach (var group in made.Groups.All)
            Place(group, new(_epoch, LogTimeMs, placement[made.Groups.PartitionOf(group).Value]));
        IsCheckpointDue = true;
        KeyspaceHappened(made, "made");
        return true;
    }

    private void KeyspaceHappened(KeyspaceDefinition keyspace, string what) => Happened(
        ClusterEventKind.KeyspaceChanged,
        one => one with { Keyspace = keyspace.Settings.Name, Why = what });

    private void SetKeyspace(KeyspaceDefinition keyspace)
    {
        _keyspaces[keyspace.Id] = keyspace;
        Put(MetaRecords.Keyspace, key => key.U32(keyspace.Id.Value), value =>
        {
            value.Group(keyspace.FirstGroup);
            value.U64(keyspace.Made.Value);
            MetaRecords.Write(value, keyspace.Settings);
        });
    }

    private bool SetReplicas(KeyspaceId id, int replicas)
    {
        if (!_keyspaces.TryGetValue(id, out var keyspace) || replicas < 1
            || keyspace.Settings.ReplicationFactor == replicas)
            return false;
        SetKeyspace(keyspace with { Settings = keyspace.Settings with { ReplicationFactor = replicas } });
        KeyspaceHappened(keyspace, $"{replicas} replicas of each partition");
        return true;
    }

    private bool SetClientTime(KeyspaceId id, bool isAllowed)
    {
        if (!_keyspaces.TryGetValue(id, out var keyspace) || keyspace.Settings.Quorum is not { } quorum
            || quorum.AllowsClientTime == isAllowed)
            return false;
        SetKeyspace(keyspace with
        {
            Settings = keyspace.Settings with { Quorum = quorum with { AllowsClientTime = isAllowed } },
        });
        KeyspaceHappened(
            keyspace,
            isAllowed ? "clients may give a write its time" : "clients give writes no times any more");
        return true;
    }

    // Its numbers are never used again: what is left of it on a disk can be told from all that comes later.
    private bool Drop(KeyspaceId id)
    {
        if (!_keyspaces.Remove(id, out var keyspace))
            return false;
        Remove(MetaRecords.Keyspace, key => key.U32(id.Value));
        foreach (var group in keyspace.Groups.All)
        {
            if (_placed.GetValueOrDefault(group)?.Switch is not null)
                Remove(MetaRecords.Switch, key => key.Group(group));
            _placed = _placed.Remove(group);
            Remove(MetaRecords.Placed, key => key.Group(group));
        }

        _epoch = _epoch.Next;
        IsCheckpointDue = true;
        KeyspaceHappened(keyspace, "dropped");
        return true;
    }

    // A change of a target that is not the one that it replaces was planned from what is not so any more.
    private bool SetTargets(ref ByteReader from)
    {
        var epoch = _epoch.Next;
        var isChanged = false;
        while (!from.AtEnd)
        {
            var group = from.Group();
            var replaces = new Epoch(from.U64());
            var target = MetaRecords.ReadTarget(ref from);
            var (givesUp, why) = (new NodeId(from.U128()), from.Text32());
            var known = _placed.GetValueOrDefault(group);
            var isNewest = known is null ? group.IsMetadata && replaces == default : known.Epoch == replaces;
            if (!isNewest || target.Voters.Count == 0 || !target.Voters.Concat(target.Learners).All(IsMember))
                continue;
            // Reads ask the new replicas already: first this change ends.
            if (known?.Switch is { Stage: ChangeStage.ReadNew })
                continue;
            IEnumerable<GivenUpMove> givenUp = known?.GivenUp ?? [];
            if (givesUp.Value != 0)
                givenUp = givenUp.Append(new(givesUp, (long)LogTimeMs)).TakeLast(GivenUpMax);
            Place(group, new PlacedGroup(epoch, LogTimeMs, target)
            {
                GivenUp = [.. givenUp],
                Switch = SwitchTo(group, known, target),
            });
            PartitionMoved(group, known?.Target, target, why);
            isChanged = true;
        }

        _epoch = isChanged ? epoch : _epoch;
        return isChanged;
    }

    // The replicas of a quorum keyspace change by stages; the order of the nodes is no change.
    private ReplicaSwitch? SwitchTo(GroupId group, PlacedGroup? known, ReplicaTarget target)
    {
        if (known is null || !_keyspaces.Values.Any(one => one.IsQuorum && one.Groups.Has(group)))
            return null;
        var present = known.Switch?.Present ?? known.Nodes;
        return present.ToHashSet().SetEquals(target.Voters.Concat(target.Learners))
            ? null : new(ChangeStage.WriteBoth, present);
    }

    // A stage follows the one before it, or was decided from what is not so any more.
    private bool SetStages(ref ByteReader from)
    {
        var epoch = _epoch.Next;
        var isChanged = false;
        while (!from.AtEnd)
        {
            var (group, replaces) = (from.Group(), new Epoch(from.U64()));
            var stage = MetaRecords.ReadStage(ref from);
            if (_placed.GetValueOrDefault(group) is not { Switch: { } change } known
                || known.Epoch != replaces)
                continue;
            var next = (change.Stage, stage) switch
            {
                (ChangeStage.WriteBoth, ChangeStage.ReadNew) => change with { Stage = stage },
                (ChangeStage.ReadNew, ChangeStage.Settled) => null,
                _ => change,
            };
            if (next == change)
                continue;
            Place(group, known with { Epoch = epoch, SinceMs = LogTimeMs, Switch = next });
            isChanged = true;
        }

        _epoch = isChanged ? epoch : _epoch;
        return isChanged;
    }

    private bool IsMember(NodeId node) =>
        _members.TryGetValue(node, out var member) && member.Status != MemberStatus.Removed;

    private bool SetLimits(PlannerSettings limits)
    {
        if (limits == MoveLimits)
            return false;
        var changes = limits.ChangesFrom(MoveLimits);
        MoveLimits = limits;
        Put(MetaRecords.Limits, static _ => { }, value => MetaRecords.Write(value, limits));
        // Programs of the first format version do not know the kind.
        if (ActiveFormat >= FormatRange.Quorums)
            Happened(ClusterEventKind.LimitsChanged, one => one with { Why = changes });
        return true;
    }

    private void Place(GroupId group, PlacedGroup placed)
    {
        if (placed.Switch is { } change)
            Put(MetaRecords.Switch, key => key.Group(group), value => MetaRecords.Write(value, change));
        else if (_placed.GetValueOrDefault(group)?.Switch is not null)
            Remove(MetaRecords.Switch, key => key.Group(group));
        _placed = _placed.SetItem(group, placed);
        Put(MetaRecords.Placed, key => key.Group(group), value => MetaRecords.Write(value, placed));
    }
}
