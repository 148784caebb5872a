using Kvorum.Node;
using Kvorum.Node.Placement;
using Kvorum.Node.Placement.Planning;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Tests.Node.State.Harness;

/// <summary>A metadata machine over a tree of its own, which is told commands one after the other.</summary>
internal sealed class MetaBench : IDisposable, IClusterFacts
{
    private readonly TreeShare _share = new(new CrashFileSystem(), 1 << 20);
    private readonly Tree _tree;
    private ulong _index;

    public MetaBench()
    {
        _tree = Tree.Open(_share, "tree", new());
        Machine = new(_tree, 0, this);
    }

    public MetaMachine Machine { get; }

    public List<NodeId> Ids { get; } = [];

    /// <summary>What the node knows of members by itself.</summary>
    public Dictionary<NodeId, MemberRecord> Known { get; } = [];

    public UInt128 ProposedClusterId => 7;

    /// <summary>What the node speaks.</summary>
    public FormatRange Formats { get; set; } = FormatRange.Own;

    public KeyspaceSettings DefaultKeyspace => Settings(KeyspaceName.Default, 2);

    IReadOnlyList<NodeId> IClusterFacts.Ids => Ids;

    public static NodeId Node(int id) => new((UInt128)id);

    public static MemberRecord Member(string name) => new(name, $"{name}:1", $"{name}:2", $"{name}:3");

    public static KeyspaceSettings Settings(string name, int partitions) =>
        new(name, KeyspaceSettings.Strong, partitions, 1, 4096, 1 << 20, "binary");

    public static ReplicaTarget Target(params int[] voters) => new([.. voters.Select(Node)], []);

    /// <summary>Applies a command; true if the state has changed.</summary>
    public bool Apply(byte[] command)
    {
        var version = Machine.Version;
        Machine.Apply(new(++_index), command);
        return Machine.Version != version;
    }

    public bool Join(int id, string name) => Apply(MetaRecords.EncodeJoin(Node(id), Member(name), 5));

    public bool Announce(int id, MemberRecord member) =>
        Apply(MetaRecords.EncodeMember(Node(id), member, 5));

    public bool Become(int id, MemberStatus status) =>
        Apply(MetaRecords.EncodeStatus(Node(id), status, 5));

    /// <summary>Makes a keyspace whose groups are all at the same place.</summary>
    public bool Create(string name, int partitions, ReplicaTarget place) => Apply(MetaRecords.EncodeKeyspace(
        Settings(name, partitions), [.. Enumerable.Repeat(place, partitions)], 5));

    /// <summary>Changes one target.</summary>
    public bool Place(uint group, ulong replaces, ReplicaTarget target, int givesUp = 0, ulong timeMs = 5) =>
        Apply(MetaRecords.EncodeTargets(
            [
                new TargetChange(
                    new(group), new(replaces), target, ChangeReason.Balance, null,
                    givesUp == 0 ? null : Node(givesUp)),
            ],
            timeMs));

    /// <summary>The same machine as a start finds it in the tree.</summary>
    public MetaMachine Reloaded() => new(_tree, 0, this);

    /// <summary>A start finds all of it.</summary>
    public void CheckReloaded()
    {
        var found = Reloaded();
        Assert.Equal(Machine.Members, found.Members);
        Assert.Equal(Machine.Keyspaces, found.Keyspaces);
        Assert.Equal(Machine.MoveLimits, found.MoveLimits);
        Assert.Equal(Machine.ActiveFormat, found.ActiveFormat);
        Assert.Equal(
            (Machine.ClusterId, Machine.Version, Machine.NextKeyspace, Machine.Placement.Epoch),
            (found.ClusterId, found.Version, found.NextKeyspace, found.Placement.Epoch));
        Assert.Equal(Machine.Placement.Groups, found.Placement.Groups);
        foreach (var group in Machine.Placement.Groups)
            Assert.Equal(Told(Machine, group), Told(found, group));
    }

    public void Dispose()
    {
        _tree.Dispose();
        _share.Dispose();
    }

    /// <summary>The target of a group, as text: "epoch: voters / learners, gave up node at time".</summary>
    public static string Told(MetaMachine machine, GroupId group)
    {
        var placed = machine.Placement.Placed(group)!;
        var nodes = $"{Text(placed.Target.Voters)} / {Text(placed.Target.Learners)}";
        var givenUp = placed.GivenUp.Select(static move => $", gave up {move.Node.Value} at {move.AtMs}");
        return $"{placed.Epoch.Value} since {placed.SinceMs}: {nodes}{string.Concat(givenUp)}";

        static string Text(IEnumerable<NodeId> nodes) =>
            string.Join(' ', nodes.Select(static node => node.Value));
    }

    IReadOnlyList<ReplicaTarget> IClusterFacts.Place(KeyspaceSettings keyspace) =>
        [.. Enumerable.Repeat(Target(1), keyspace.PartitionCount)];

    MemberRecord? IClusterFacts.Announcement(NodeId node) => Known.GetValueOrDefault(node);

    void IClusterFacts.Publish(MetaMachine meta)
    {
    }
}
