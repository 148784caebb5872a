using Kvorum.Node.Events;
using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.Leaderless;

// How a replica that comes later than its group gets what the others have.
internal sealed partial class QuorumReplica
{
    // It has all, and counts once its log says so.
    private (GroupBirth Birth, ulong Batch)? _becoming;

    // Records that came from those that fill it.
    private long _filled;

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
        if (IsFilled || IsDamaged || _becoming is not null
            || _host.Cluster.Placement.Placed(_parts.Group) is not { } placed || Confirmed < placed.Epoch)
            return [];
        var present = placed.Switch?.Present ?? placed.Nodes;
        NodeId[] others =
        [
            .. present.Where(node => node != _host.Cluster.Self && !_host.Cluster.Members.IsGone(node)),
        ];
        if (_filling.Epoch != placed.Epoch)
            _filledFrom.Clear();
        _filling = (placed.Epoch, SourcesToFill(present.Count, others.Length));
        since = placed.Epoch;
        // All that had it are given up for good: it begins without a record.
        if (others.Length == 0 && !present.Contains(_host.Cluster.Self))
        {
            _isGateKnown = true;
            BeginToCount();
            return [];
        }

        return [.. others.Where(node => !_filledFrom.Contains(node))];
    }

    /// <summary>
    /// What a replica that fills it remembers of requests; see <see cref="RememberCommand"/>. Not null: why
    /// it is not taken.
    /// </summary>
    public RefusalReason? TakeRequests(ReadOnlyMemory<byte> command)
    {
        if (IsDamaged)
            return RefusalReason.Damaged;
        if (IsFull(isDeletion: false))
            return RefusalReason.Full;
        Append(ticket: default, command);
        return null;
    }

    /// <summary>It has all that a source had.</summary>
    public void FilledFrom(NodeId source)
    {
        _filledFrom.Add(source);
        if (IsFilled || _becoming is not null || _filledFrom.Count < _filling.Sources)
            return;
        // What came from the sources is in the log before this, and is read once that is durable.
        Mark(_marksOfSources);
        BeginToCount();
    }

    private void BeginToCount()
    {
        var filled = _birth with
        {
            First = new() { Voters = [.. Preference.Order()] },
            At = new(_filling.Epoch.Value),
        };
        BirthRecords.Add(_host.OpenBatch(this), filled, _room);
        _becoming = (filled, _host.CurrentBatch);
    }

    private void Become(GroupBirth filled)
    {
        (_birth, _becoming) = (filled, null);
        IsFilled = _host.Cluster.Placement.Placed(_parts.Group) is not { } placed
            || !LacksWhatWasWritten(placed);
        if (IsFilled)
            _host.Cluster.Tell(new ReplicaFilled(Identity.Keyspace, Identity.Partition));
    }

    // So many of the others that each acknowledged write is on one of them.
    private int SourcesToFill(int present, int others) =>
        _host.Cluster.Keyspace(Identity.Keyspace)?.Settings.Quorum is { } numbers
            ? new QuorumPromise(numbers.Of(present)).SourcesOf(others) : 1;
}
