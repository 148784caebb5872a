using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

namespace Kvorum.Tests.Node;

/// <summary>A node whose process has no descriptors left for a while: it waits, and says so.</summary>
public class NoDescriptorsTests
{
    [Fact]
    public void A_node_without_descriptors_waits_until_there_are_some()
    {
        using var cluster = new TestCluster(1, options => options with
        {
            MemTableBytes = 64 << 20,
            CheckpointLogBytes = 200_000,
            SegmentBytes = 1 << 20,
        });
        cluster.RunUntilReady();
        var value = new string('v', 20_000);
        Assert.Equal(ReplyStatus.Ok, cluster.Put(0, "before", value).Status);
        cluster.DiskOf(0).HasNoDescriptors = true;
        List<TestCall> puts = [];
        for (var n = 0; n < 100; n++)
        {
            puts.Add(cluster.Submit(0, new PutRequest
            {
                Key = TestCluster.Bytes($"k{n}"),
                Value = TestCluster.Bytes(value),
            }, timeoutMs: 500));
            cluster.Run(100);
        }

        Assert.Contains(puts, static put => put.Reply?.Status != ReplyStatus.Ok);
        Assert.Null(cluster.FatalOf(0));
        Assert.Contains(cluster.Status(0).HealthIssues, IsOfDescriptors);
        Assert.Equal(value, cluster.Get(0, "before"));

        cluster.DiskOf(0).HasNoDescriptors = false;
        cluster.Run(6000);
        Assert.DoesNotContain(cluster.Status(0).HealthIssues, IsOfDescriptors);
        Assert.Equal(ReplyStatus.Ok, cluster.Put(0, "after", value).Status);
        for (var n = 0; n < puts.Count; n++)
        {
            if (puts[n].Reply!.Status == ReplyStatus.Ok)
                Assert.Equal(value, cluster.Get(0, $"k{n}"));
        }

        cluster.Crash(0);
        cluster.Start(0);
        cluster.RunUntilReady();
        Assert.Equal(value, cluster.Get(0, "after"));
    }

    private static bool IsOfDescriptors(string issue) =>
        issue.Contains("waits for file descriptors or memory", StringComparison.Ordinal);
}
