using Kvorum.Node.Placement;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.State;

/// <summary>Members: who they are, where they are, and what the cluster wants of them.</summary>
internal sealed partial class MetaMachine
{
    /// <summary>Whose name this is, of the members that are heard; null if nobody's.</summary>
    public NodeId? MemberNamed(string name)
    {
        foreach (var (id, member) in _members)
        {
            if (member.Name == name && member.IsHeard)
                return id;
        }

        return null;
    }

    /// <summary>Why a node cannot join; null if it can, or has joined.</summary>
    public string? WhyNotJoin(NodeId id, MemberRecord member, FormatRange formats)
    {
        if (!formats.Has(ActiveFormat))
        {
            return $"this cluster has format version {ActiveFormat}, and node {member.Name} speaks "
                + $"{formats}: start it with the kvorum that the members run";
        }

        if (_members.TryGetValue(id, out var known))
        {
            return known.IsHeard ? null
                : $"node {member.Name} was removed from this cluster, and a data folder that was removed "
                    + "never comes back: start it with an empty --data folder";
        }

        if (MemberNamed(member.Name) is not null)
        {
            return $"this cluster has a member {member.Name} already: give the new node another --id; if the "
                + $"data of that member is lost, tell the cluster first: kvorum node replace {member.Name}";
        }

        return _members.Values.Count(static one => one.IsHeard) < Limits.MembersMax
            ? null : $"this cluster has {Limits.MembersMax} members, and takes no more";
    }

    /// <summary>Why the status of a member cannot be changed to this; null if it can.</summary>
    public string? WhyNotStatus(NodeId id, MemberStatus status)
    {
        if (!_members.TryGetValue(id, out var member))
            return "it is no member";
        if (member.Status == MemberStatus.Removed)
            return $"{member.Name} was removed before";
        if (member.Status == MemberStatus.Lost && status != MemberStatus.Removed)
            return $"{member.Name} was declared lost, and stays so";
        var isLast = !_members.Any(other => other.Key != id && other.Value.Status == MemberStatus.Active);
        if (status != MemberStatus.Active && isLast)
            return $"{member.Name} is the only active member";
        return status == MemberStatus.Removed && _placed.Any(placed => IsHolder(id, placed.Key, placed.Value))
            ? $"{member.Name} still is to hold replicas" : null;
    }

    // Every member follows the metadata group, until it is removed.
    private static bool IsHolder(NodeId id, GroupId group, PlacedGroup placed) =>
        group.IsMetadata ? placed.Target.Voters.Contains(id) : placed.Holders.Contains(id);

    // A founder, or news of a member. What is known of one that is gone does not change.
    private bool Announce(NodeId id, MemberRecord announced)
    {
        if (Announced(id, announced) is not { } member)
            return false;
        var isNew = !_members.ContainsKey(id);
        SetMember(id, member);
        if (isNew)
        {
            Happened(
                ClusterEventKind.NodeJoined, one => one with { Member = NameOf(id), Why = "a founder" });
        }

        return true;
    }

    // The member with what is announced of it; null if that is no news.
    private MemberRecord? Announced(NodeId id, MemberRecord announced)
    {
        if (!_members.TryGetValue(id, out var known))
            return announced with { Status = MemberStatus.Active };
        var member = announced with { Status = known.Status };
        return known.IsHeard && known != member ? member : null;
    }

    private bool Join(NodeId id, MemberRecord member, FormatRange formats)
    {
        if (_members.ContainsKey(id) || WhyNotJoin(id, member, formats) is not null)
            return false;
        SetMember(id, member with { Status = MemberStatus.Active });
        Happened(
            ClusterEventKind.NodeJoined, one => one with { Member = member.Name, Why = "it asked to join" });
        return true;
    }

    private bool SetStatus(NodeId id, MemberStatus status)
    {
        if (WhyNotStatus(id, status) is not null || _members[id].Status == status)
            return false;
        SetMember(id, _members[id] with { Status = status });
        if (!_members[id].IsHeard)
            SetDown(id, isDown: false);
        Happened(
            status == MemberStatus.Removed ? ClusterEventKind.NodeLeft : ClusterEventKind.NodeChanged,
            one => one with { Member = NameOf(id), Why = status.ToString().ToLowerInvariant() });
        return true;
    }

    /// <summary>
    /// The epoch at which the cluster was recovered last; 0 if it never was. Of what was placed by then and
    /// is lost with all its replicas, the operator has decided that it begins empty.
    /// </summary>
    public Epoch RecoveredAt { get; private set; }

    // An operator goes on with these nodes alone (ADR 39): another cluster, which hears none of the others.
    private bool Recover(UInt128 cluster, ref ByteReader from)
    {
        var survivors = new SortedSet<NodeId>();
        while (!from.AtEnd)
            survivors.Add(new(from.U128()));
        RecoveredAt = Placement.Epoch;
        PutCluster(cluster);
        foreach (var (id, member) in _members)
        {
            if (!member.IsHeard)
                continue;
            var status = survivors.Contains(id) ? MemberStatus.Active : MemberStatus.Lost;
            if (status == member.Status)
                continue;
            SetMember(id, member with { Status = status });
            if (status == MemberStatus.Lost)
                SetDown(id, isDown: false);
            Happened(
                ClusterEventKind.NodeChanged,
                one => one with
                {
                    Member = NameOf(id),
                    Why = status.ToString().ToLowerInvariant(),
                    By = "kvorum recover",
                });
        }

        IsCheckpointDue = true;
        return true;
    }

    private void SetMember(NodeId id, MemberRecord member)
    {
        _members = _members.SetItem(id, member);
        // A node that starts must know where the others are before it has heard from any.
        IsCheckpointDue = true;
        Put(MetaRecords.Member, key => key.U128(id.Value), value =>
        {
            MetaRecords.Write(value, member);
            value.U8((byte)member.Status);
        });
    }
}
