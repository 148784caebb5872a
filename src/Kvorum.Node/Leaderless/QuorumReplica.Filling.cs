using Kvorum.Node.Events;
using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.Leaderless;

// How a replica that comes later than its group gets what the others have.
internal sealed partial class QuorumReplica
{
    private bool HasEverBeenFilled => _birth.First.Voters.Count > 0;

    // It comes anew by this change. It may have been a replica before, and what was written and deleted
    // meanwhile is not known here.
    private bool LacksWhatWasWritten(PlacedGroup placed) =>
        placed.Switch is { Stage: ChangeStage.WriteBoth } change
        && !change.Present.Contains(_host.Cluster.Self) && _birth.At.Value < placed.Epoch.Value;

    /// <summary>
    /// From which nodes it is to be filled, each of which must refuse requests that are older than
    /// <paramref name="since"/>; none if it is filled, or cannot be yet.
    /// </summary>
    public IReadOnlyList<NodeId> Sources(out Epoch since)
    {
        since = default;
        if (IsFilled || IsDamaged || _host.Cluster.Placement.Placed(_parts.Group) is not { } placed
            || Confirmed < placed.Epoch)
            return [];
        NodeId[] others =
        [
            .. (placed.Switch?.Present ?? placed.Nodes).Where(node => node != _host.Cluster.Self),
        ];
        var present = placed.Switch?.Present.Count ?? placed.Nodes.Count;
        if (_filling.Epoch != placed.Epoch)
            _filledFrom.Clear();
        _filling = (placed.Epoch, SourcesToFill(present));
        since = placed.Epoch;
        return [.. others.Where(node => !_filledFrom.Contains(node))];
    }

    /// <summary>It has all that a source had.</summary>
    public void FilledFrom(NodeId source)
    {
        _filledFrom.Add(source);
        if (IsFilled || _filledFrom.Count < _filling.Sources)
            return;
        // What came from the sources is in the log before this.
        IsFilled = true;
        Mark(_marksOfSources);
        _birth = _birth with
        {
            First = new() { Voters = [.. Preference.Order()] },
            At = new(_filling.Epoch.Value),
        };
        BirthRecords.Add(_host.OpenBatch(this), _birth, _room);
        _host.Cluster.Tell(new ReplicaFilled(Identity.Keyspace, Identity.Partition));
    }

    // So many of the others that each acknowledged write is on one of them.
    private int SourcesToFill(int present)
    {
        var write = _host.Cluster.Keyspace(Identity.Keyspace)?.Settings.Quorum?.WriteOf(present) ?? present;
        return Math.Clamp(present - write + 1, 1, Math.Max(1, present - 1));
    }
}
