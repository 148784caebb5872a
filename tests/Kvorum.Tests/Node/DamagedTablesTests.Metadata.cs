using Kvorum.Node;
using Kvorum.Node.Groups;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>
/// Who the members are is in the tables of the metadata group, which the members fill again: the folder must
/// remember whom to hear.
/// </summary>
public partial class DamagedTablesTests
{
    // All others have joined: its folder was founded with none of them (quorum swarm seed 306).
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Damaged_metadata_is_rebuilt_from_members_that_joined_later(bool inManifest)
    {
        using var cluster = new TestCluster(
            1,
            static options => options with
            {
                PartitionCount = 1,
                CheckpointLogBytes = 500,
                TrailingLogBytes = 0,
            },
            others: 2);
        cluster.RunUntilReady();
        cluster.Start(1);
        cluster.Start(2);
        cluster.RunUntil(() => cluster.HasVoters([0, 1, 2], groups: 2), 60_000, "three voters everywhere");
        cluster.RunUntilReady();
        cluster.Run(3000);
        cluster.Crash(0);
        cluster.RunUntilReady();
        var disk = cluster.DiskOf(0);
        var path = inManifest
            ? $"{GroupFolder.Of(GroupId.Metadata)}/manifest"
            : disk.Files().First(file => TableFiles.IsTableOf(GroupId.Metadata, file.Path)).Path;
        var bytes = disk.ReadAll(path);
        bytes[inManifest ? 9 : ^9] ^= 4;
        disk.WriteAll(path, bytes);
        cluster.Start(0);
        Assert.Contains(
            cluster.Status(0).HealthIssues,
            issue => issue.Contains("is damaged", StringComparison.Ordinal));
        AssertRebuilt(cluster, 0);
        Assert.Equal(["node-1", "node-2", "node-3"], cluster.Names(0));
    }
}
