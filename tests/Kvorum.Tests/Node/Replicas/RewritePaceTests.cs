using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;
using Kvorum.Tests.Storage;

namespace Kvorum.Tests.Node.Replicas;

/// <summary>Writing anew what has another key takes no more of the disk than it may.</summary>
public class RewritePaceTests
{
    private const int Rate = 64 << 10;

    [Theory]
    [InlineData(Rate)]
    [InlineData(0)]
    public void Tables_of_another_key_are_written_anew_no_faster_than_the_rate(long rate)
    {
        using var cluster = new TestCluster(1, options => options with { RewriteBytesPerSecond = rate });
        cluster.RunUntilReady();
        var random = new Random(3);
        var value = new byte[20_000];
        for (var n = 0; n < 40; n++)
        {
            random.NextBytes(value);
            cluster.Ask(0, new PutRequest { Key = TestCluster.Bytes($"key-{n}"), Value = value.ToArray() });
        }

        foreach (var replica in cluster[0].Loops.SelectMany(static loop => loop.Replicas))
            replica.Store.Checkpoint();
        cluster.Run(1000);
        cluster.KeysOf = static _ => TestKeys.Folder(encrypts: true, 1);
        cluster.Crash(0);
        cluster.Start(0);
        cluster.RunUntil(() => Waiting(cluster) > 400_000, what: "tables that wait");

        var (begun, all) = (cluster.Clock.Ms, Waiting(cluster));
        // A table is taken as a whole.
        var largest = all / 2;
        while (Waiting(cluster) is > 0 and var left)
        {
            var allowed = ((cluster.Clock.Ms - begun + 200) * rate / 1000) + largest;
            Assert.True(rate == 0 || all - left <= allowed, $"{all - left} of {allowed}");
            Assert.True(cluster.Clock.Ms - begun < 60_000, $"{left} left");
            cluster.Run(100);
        }

        var tookMs = cluster.Clock.Ms - begun;
        Assert.True(rate == 0 ? tookMs < 2000 : tookMs > (all - largest) * 1000 / rate, $"{tookMs} ms");
    }

    private static long Waiting(TestCluster cluster) => cluster.Status(0).Encryption!.BytesWaiting;
}
