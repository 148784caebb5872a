using Kvorum.Node;
using Kvorum.Node.Placement;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Tests.Node.State;

public sealed class MetaMachineTests : IDisposable
{
    private readonly TreeShare _share = new(new CrashFileSystem(), 1 << 20);

    public void Dispose() => _share.Dispose();

    [Fact]
    public void The_first_cluster_id_stands_and_is_read_back()
    {
        using var tree = Tree.Open(_share, "t", new());
        var facts = new Facts();
        var machine = new MetaMachine(tree, 0, facts);
        Assert.Equal(MetaRecords.EncodeCluster(7, 5), machine.Lacking(5)[0]);
        machine.Apply(new(1), MetaRecords.EncodeCluster(7, 5));
        Assert.Equal(((UInt128)7, 1UL), (machine.ClusterId, machine.Version));
        machine.Apply(new(2), MetaRecords.EncodeCluster(8, 6));
        Assert.Equal(((UInt128)7, 1UL), (machine.ClusterId, machine.Version));
        Assert.All(machine.Lacking(5), command => Assert.NotEqual(3, command[0]));
        Assert.Equal((UInt128)7, new MetaMachine(tree, 0, facts).ClusterId);
    }

    [Fact]
    public void Golden_bytes_of_the_cluster_command() => Assert.Equal(
        "03" + "0500000000000000" + "0b0a0000000000000000000000000000",
        Convert.ToHexStringLower(MetaRecords.EncodeCluster(0x0A0B, 5)));

    private sealed class Facts : IClusterFacts
    {
        public KeyspaceSettings DefaultKeyspace =>
            new(KeyspaceName.Default, KeyspaceSettings.Strong, 1, 1, 1, 1, "binary");

        public UInt128 ProposedClusterId => 7;

        public FormatRange Formats => FormatRange.Own;

        public IReadOnlyList<NodeId> Ids => [];

        public IReadOnlyList<ReplicaTarget> Place(KeyspaceSettings keyspace) => [ReplicaTarget.Of([])];

        public MemberRecord? Announcement(NodeId node) => null;

        public void Publish(MetaMachine meta)
        {
        }
    }
}
