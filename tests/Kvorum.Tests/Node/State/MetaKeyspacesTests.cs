using Kvorum.Node;
using Kvorum.Node.Placement;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Tests.Node.State;

/// <summary>What the metadata group keeps of keyspaces and of where their partitions lie.</summary>
public sealed class MetaKeyspacesTests : IDisposable, IClusterFacts
{
    private static readonly NodeId One = new(1);
    private readonly TreeShare _share = new(new CrashFileSystem(), 1 << 20);
    private readonly Tree _tree;
    private readonly MetaMachine _machine;
    private ulong _index;

    public MetaKeyspacesTests()
    {
        _tree = Tree.Open(_share, "tree", new());
        _machine = new(_tree, 0, this);
    }

    KeyspaceSettings IClusterFacts.DefaultKeyspace => SettingsOf(KeyspaceName.Default, 4);

    IReadOnlyList<NodeId> IClusterFacts.Ids => [One];

    UInt128 IClusterFacts.ProposedClusterId => 7;

    FormatRange IClusterFacts.Formats => FormatRange.Own;

    public void Dispose()
    {
        _tree.Dispose();
        _share.Dispose();
    }

    [Fact]
    public void Keyspaces_get_numbers_and_groups_that_none_had_before()
    {
        ApplyLacking();
        Apply(SettingsOf("orders", 8));
        Apply(SettingsOf("last", 1));
        Assert.Equal(
            [(1u, 1u, 4), (2u, 5u, 8), (3u, 13u, 1)],
            _machine.Keyspaces.Values.Select(static one =>
                (one.Id.Value, one.FirstGroup.Value, one.Settings.PartitionCount)));
        Assert.Equal([One], _machine.Placement.Of(new(13)));
        Assert.Null(_machine.Placement.Of(new(14)));
        Assert.Equal(
            Enumerable.Range(1, 13).Select(static one => new GroupId((uint)one)),
            _machine.Placement.On(One));
    }

    [Fact]
    public void The_epoch_grows_with_the_placement_and_with_nothing_else()
    {
        ApplyLacking();
        Assert.Equal(new(1), _machine.Placement.Epoch);
        Assert.True(_machine.IsCheckpointDue);
        _machine.TakeUnflushed();
        var version = _machine.Version;
        Apply(MetaRecords.EncodeMember(One, new("n1", "a:1", "a:2", "a:3"), 5));
        Assert.Equal((new(1), version + 1), (_machine.Placement.Epoch, _machine.Version));
        // A start must know where the others are before it has heard from any.
        Assert.True(_machine.IsCheckpointDue);
        // The first definition stands.
        Apply(SettingsOf(KeyspaceName.Default, 9));
        Assert.Equal((new(1), version + 1), (_machine.Placement.Epoch, _machine.Version));
        Assert.Equal(4, _machine.Keyspaces[new(1)].Settings.PartitionCount);
        Apply(SettingsOf("orders", 8));
        Assert.Equal(new(2), _machine.Placement.Epoch);
    }

    [Fact]
    public void A_start_finds_all_of_it_in_the_tree()
    {
        ApplyLacking();
        Apply(SettingsOf("orders", 8));
        var found = new MetaMachine(_tree, 0, this);
        Assert.Equal(_machine.Keyspaces, found.Keyspaces);
        Assert.Equal((_machine.Version, _machine.Placement.Epoch), (found.Version, found.Placement.Epoch));
        Assert.Equal(_machine.Placement.Of(new(12)), found.Placement.Of(new(12)));
        Assert.Equal("partition 7 of keyspace 'orders'", MetaMachine.DirectoryIn(_tree).NameOf(new(12)));
        // The numbers go on from there.
        _index = 100;
        found.Apply(new(_index), CommandOf(SettingsOf("last", 1)));
        Assert.Equal(new(13), found.Keyspaces[new(3)].FirstGroup);
    }

    [Fact]
    public void The_command_of_a_keyspace_has_golden_bytes()
    {
        Assert.Equal(
            "07" + "0500000000000000" + "0100000061" + "06000000" + "7374726f6e67" + "02000000" + "01000000"
            + "00100000" + "00001000" + "06000000" + "62696e617279"
            + "01" + "01" + new string('0', 30) + "00" + "01" + "01" + new string('0', 30) + "00",
            Convert.ToHexStringLower(CommandOf(SettingsOf("a", 2))));
        Assert.Throws<FormatException>(
            () => _machine.Apply(new(1), CommandOf(SettingsOf("a", 2)).AsMemory()[..^1]));
    }

    IReadOnlyList<ReplicaTarget> IClusterFacts.Place(KeyspaceSettings keyspace) => OnOne(keyspace);

    private static IReadOnlyList<ReplicaTarget> OnOne(KeyspaceSettings keyspace) =>
        [.. Enumerable.Repeat(ReplicaTarget.Of([One]), keyspace.PartitionCount)];

    MemberRecord? IClusterFacts.Announcement(NodeId node) => null;

    void IClusterFacts.Publish(MetaMachine meta)
    {
    }

    private static KeyspaceSettings SettingsOf(string name, int partitions) =>
        new(name, KeyspaceSettings.Strong, partitions, 1, 4096, 1 << 20, "binary");

    private static byte[] CommandOf(KeyspaceSettings settings) =>
        MetaRecords.EncodeKeyspace(settings, OnOne(settings), 5);

    private void ApplyLacking()
    {
        foreach (var command in _machine.Lacking(5))
            Apply(command);
        Assert.Empty(_machine.Lacking(5));
    }

    private void Apply(KeyspaceSettings settings) => Apply(CommandOf(settings));

    private void Apply(byte[] command) => _machine.Apply(new(++_index), command);
}
