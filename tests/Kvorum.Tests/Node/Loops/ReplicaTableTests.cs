using Kvorum.Node;
using Kvorum.Node.Loops;
using Kvorum.Node.Replicas;
using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Tests.Node.Loops;

/// <summary>A loop drives replicas of any kind; what is Raft's goes to Raft replicas alone.</summary>
public class ReplicaTableTests
{
    private readonly ReplicaTable _table = new();

    [Fact]
    public void Replicas_are_in_the_order_of_their_groups()
    {
        foreach (var group in new uint[] { 7, 1, 3 })
            _table.Add(new OtherReplica(group, _table));
        Assert.Equal([1u, 3, 7], _table.All.Select(replica => replica.Identity.Group.Value));
        Assert.Equal(new(3), _table.Find(new(3))?.Identity.Group);
        Assert.Null(_table.Find(new(2)));
    }

    [Fact]
    public void Another_kind_of_replica_is_sent_nothing_of_Raft()
    {
        _table.Add(new OtherReplica(1, _table));
        Assert.NotNull(_table.Find(new(1)));
        Assert.Null(_table.FindRaft(new(1)));
        Assert.Empty(_table.Rafts);
    }

    [Fact]
    public void A_replica_that_was_touched_goes_on_once_and_again_if_it_is_touched_meanwhile()
    {
        var first = new OtherReplica(1, _table);
        var second = new OtherReplica(2, _table) { TouchesItself = 3 };
        _table.Add(first);
        _table.Add(second);
        _table.Touch(second);
        _table.Touch(first);
        _table.Touch(second);
        _table.Advance();
        Assert.Equal((1, 4), (first.Advanced, second.Advanced));
        _table.Advance();
        Assert.Equal((1, 4), (first.Advanced, second.Advanced));
    }

    [Fact]
    public void A_replica_at_rest_is_told_of_time_again_when_it_is_touched()
    {
        var (one, other) = (new OtherReplica(1, _table), new OtherReplica(2, _table));
        _table.Add(one);
        _table.Add(other);
        Assert.Equal([one, other], _table.Awake);
        one.IsAtRest = true;
        _table.LetRest();
        Assert.Equal([other], _table.Awake);
        other.IsAtRest = true;
        // It has something to do yet.
        _table.Touch(other);
        _table.LetRest();
        Assert.Equal([other], _table.Awake);
        _table.Advance();
        _table.LetRest();
        Assert.Empty(_table.Awake);
        _table.Touch(one);
        _table.Wake(one);
        Assert.Equal([one], _table.Awake);
        _table.Remove(new(1));
        Assert.Empty(_table.Awake);
    }

    /// <summary>A replica without consensus: it only counts how often it goes on.</summary>
    private sealed class OtherReplica(uint group, ReplicaTable table) : IReplica
    {
        public int TouchesItself { get; set; }

        public int Advanced { get; private set; }

        public GroupIdentity Identity { get; } = new(new(group), "other", new(group));

        public IReadOnlyList<NodeId> Preference => [];

        public IReplicaStore Store => throw new NotSupportedException();

        public string? HealthIssue => null;

        public bool IsLeader => false;

        public bool IsBypassed => false;

        public bool HasCalls => false;

        public bool IsAtRest { get; set; }

        public int SnapshotSends => 0;

        public bool IsQueued { get; set; }

        public bool IsAwake { get; set; }

        public void Begin()
        {
        }

        public void TakePart()
        {
        }

        public void TakeNoPart()
        {
        }

        public void Take(Call call)
        {
        }

        public void Wait(Call call)
        {
        }

        public void Tick(long due)
        {
        }

        public void Advance()
        {
            Advanced++;
            if (TouchesItself-- > 0)
                table.Touch(this);
        }

        public void Persisted(ulong batch)
        {
        }

        public void PeerUp(NodeId peer)
        {
        }

        public void PeerSuspected(NodeId peer)
        {
        }

        public void PeerDown(NodeId peer, PeerLoss loss)
        {
        }

        public void Sweep()
        {
        }

        public void ProposeLacking()
        {
        }

        public bool BalanceLeadership() => false;

        public bool HandOver() => true;

        public PartitionStatus Status() => throw new NotSupportedException();

        public ReplicaOfKey Describe(byte[] key) => throw new NotSupportedException();

        public bool IsGivenUp => false;

        public bool IsIdle => true;

        public void Retire()
        {
        }

        public void SweepRetired()
        {
        }

        public HardState Entomb(LogBatch batch) => default;
    }
}
