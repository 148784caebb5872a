using Kvorum.Quorum;
using Kvorum.Quorum.Merkle;
using Kvorum.Raft;
using Kvorum.Storage.Lsm;

namespace Kvorum.Node.Leaderless.Repair;

/// <summary>
/// One exchange of this node's replica with another one, as the side that asks: compares the trees, then
/// walks over the keys of the leaves that differ, and both get what they lack. Nothing is deleted and nothing
/// depends on the order, so it may end anywhere. Owned by the node loop.
/// </summary>
internal sealed class RepairExchange(
    IRepairHost host, QuorumReplica replica, NodeId peer, Epoch since, HybridTimestamp floor)
{
    private MerkleComparison? _comparison;
    private LeafSet? _leaves;
    private ReadOnlyMemory<byte> _leafBytes;

    // Where the walk is, and what was sent last.
    private ReadOnlyMemory<byte> _from;
    private WalkedRange? _asked;

    /// <summary>Its number.</summary>
    public ulong Id { get; } = host.NextOperation();

    /// <summary>
    /// The gates of both sides were closed at this when it began: what it finds is all that there will be
    /// below. Zero if that is not known.
    /// </summary>
    public HybridTimestamp Floor { get; private set; } = floor;

    /// <summary>The replica here.</summary>
    public QuorumReplica Replica => replica;

    /// <summary>True if the replica here is to be filled by it.</summary>
    public bool IsFilling => since != default;

    /// <summary>The other node.</summary>
    public NodeId Peer => peer;

    /// <summary>True once it has ended.</summary>
    public bool IsOver { get; private set; }

    /// <summary>True if both replicas had the same in the end, as far as was seen.</summary>
    public bool HasSucceeded { get; private set; }

    /// <summary>When it was last heard of, in the node's milliseconds.</summary>
    public long ProgressMs { get; private set; } = host.NowMs;

    /// <summary>
    /// How long it waits for the next answer. The first one comes at once or is lost, and a replica that is
    /// to be filled may take no writes until then; others wait for their turn on a link.
    /// </summary>
    public long PatienceMs { get; private set; } = Limits.RepairOpenMs;

    private GroupId Group => replica.Identity.Group;

    /// <summary>Begins.</summary>
    public void Begin()
    {
        if (replica.Merkle.Tree is { } tree)
            host.Send(peer, new RepairMessage.Open(Id, Group, tree.Root, since));
        else
            End(hasSucceeded: false);
    }

    /// <summary>It is given up.</summary>
    public void Stop() => End(hasSucceeded: false);

    /// <summary>The other side has answered.</summary>
    public void Take(RepairMessage message)
    {
        if (IsOver || EndsAsGone())
            return;
        (ProgressMs, PatienceMs) = (host.NowMs, Limits.RepairPatienceMs);
        switch (message)
        {
            case RepairMessage.Opened opened:
                if (IsFilling)
                    replica.LearnMarks(opened.Marks);
                if (opened.Marks.Gate < Floor)
                    Floor = HybridTimestamp.Zero;
                Opened(opened.Root);
                break;
            case RepairMessage.Compared compared when _comparison?.Answered(compared.Differing) == true:
                Compare();
                break;
            case RepairMessage.TooMany tooMany when _asked is not null && !tooMany.End.IsEmpty:
                Walk(tooMany.End);
                break;
            case RepairMessage.Records records when _asked is { } asked:
                Take(records, asked);
                break;
            case RepairMessage.Refused { Marks: { } marks } when IsFilling:
                replica.LearnMarks(marks);
                End(hasSucceeded: false);
                break;
            case RepairMessage.Remembered remembered when IsFilling:
                Take(remembered);
                break;
            default:
                End(hasSucceeded: false);
                break;
        }
    }

    private void Opened(MerkleRoot other)
    {
        if (replica.Merkle.Tree is not { } tree || tree.Root.IsSameAs(other))
        {
            RecordsAreThere();
            return;
        }

        _comparison = new(tree, other);
        Compare();
    }

    private void Compare()
    {
        if (_comparison!.Next() is { } question)
        {
            host.Send(peer, new RepairMessage.Compare(Id, Group, question));
            return;
        }

        _leaves = _comparison.Differing;
        _leafBytes = _leaves.Encode();
        if (_leaves.Count == 0)
            RecordsAreThere();
        else
            Walk(end: default);
    }

    // Sends the next range, up to a key at most.
    private void Walk(ReadOnlyMemory<byte> end)
    {
        if (IsOver || EndsAsGone())
            return;
        var view = replica.Tree.OpenView();
        var (from, nowMs) = (_from, host.RecordTimeMs);
        WalkedRange? range = null;
        host.Scan(
            () =>
            {
                using (view)
                    range = RepairWalk.Gather(view, _leaves!, from, end, nowMs);
            },
            failure =>
            {
                if (IsOver || EndsAsGone())
                    return;
                if (failure is TreeDamagedException damage)
                    replica.Damaged(damage);
                if (failure is not null)
                {
                    End(hasSucceeded: false);
                    return;
                }

                _asked = range;
                host.Send(
                    peer, new RepairMessage.Pairs(
                        Id, Group, _leafBytes, from, range!.End, replica.Marks.Horizon, range.Pairs));
            });
    }

    private void Take(RepairMessage.Records records, WalkedRange asked)
    {
        _asked = null;
        var source = IsFilling ? RecordSource.Filling : RecordSource.Repair;
        foreach (var command in records.Commands)
        {
            // What is collected here need not come back. Without room it goes on later.
            if (replica.Take(ticket: default, command, source) is not (null or RefusalReason.BehindHorizon))
            {
                End(hasSucceeded: false);
                return;
            }
        }

        foreach (var hash in records.Wanted)
        {
            if (!asked.Keys.TryGetValue(hash, out var key) || !replica.TryRead(key.Span, out var record)
                || record is not { } found)
                continue;
            var command = StoreCommand.Encode("", 0, key.Span, found);
            host.Pace(command.Length, () => host.Store(peer, Group, command));
        }

        _from = asked.End;
        // In turn with what was sent, so that a fast walk does not run ahead of a slow line.
        if (asked.End.IsEmpty)
            RecordsAreThere();
        else
            host.Pace(0, () => Walk(end: default));
    }

    // A replica that is filled has to know the requests, too, whose writes it did not see.
    private void RecordsAreThere()
    {
        if (IsFilling)
            host.Send(peer, new RepairMessage.Requests(Id, Group, From: 0));
        else
            End(hasSucceeded: true);
    }

    private void Take(RepairMessage.Remembered remembered)
    {
        if (replica.TakeRequests(remembered.Command) is not null)
            End(hasSucceeded: false);
        else if (remembered.End > 0)
            host.Pace(remembered.Command.Length, () =>
                host.Send(peer, new RepairMessage.Requests(Id, Group, remembered.End)));
        else
            End(hasSucceeded: true);
    }

    // The replica may have been removed while an answer was under way: its tree is closed then.
    private bool EndsAsGone()
    {
        if (host.ReplicaOf(Group) == replica)
            return false;
        End(hasSucceeded: false);
        return true;
    }

    private void End(bool hasSucceeded) => (IsOver, HasSucceeded) = (true, hasSucceeded);
}
