using System.Text;
using Kvorum.Node.Export;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;
using Kvorum.Tests.Protocol;

namespace Kvorum.Tests.Node.Export;

public class WalExportTests
{
    [Theory]
    [InlineData(1L << 30)]
    [InlineData(2000L)]
    public void What_is_exported_replays_to_what_the_node_served(long checkpointBytes)
    {
        using var cluster = new TestCluster(
            1, options => options with { CheckpointLogBytes = checkpointBytes });
        cluster.RunUntilReady();
        Dictionary<string, string> model = [];
        var random = new Random(5);
        for (var i = 0; i < 300; i++)
        {
            var key = $"key-{random.Next(60)}";
            if (random.Next(4) == 0)
            {
                var deleted = cluster.Ask(0, new DeleteRequest { Key = TestCluster.Bytes(key) });
                Assert.Equal(ReplyStatus.Ok, deleted.Status);
                model.Remove(key);
            }
            else
            {
                cluster.Put(0, key, model[key] = $"value-{i}");
            }
        }

        cluster.Run(100);
        cluster.Crash(0);
        var (export, found) = Export(cluster, 0);
        Assert.Equal(model.OrderBy(pair => pair.Key), Replay(found).OrderBy(pair => pair.Key));
        Assert.Equal((0, 0), (export.Unconfirmed, export.KeysWithTtl));
        // All 60 keys, but with checkpoints what was overwritten before them is not told again.
        Assert.Equal(checkpointBytes > 2000, found.Count > 200);
    }

    [Fact]
    public void Every_kind_of_write_is_exported_as_what_it_did()
    {
        foreach (var write in EveryRequest.About("k", "after").OfType<WriteRequest>())
        {
            using var cluster = new TestCluster(1);
            cluster.RunUntilReady();
            cluster.Put(0, "k", "before");
            Assert.Equal(ReplyStatus.Ok, cluster.Ask(0, write).Status);
            var served = cluster.Get(0, "k");
            Assert.NotEqual("before", served);
            cluster.Run(100);
            cluster.Crash(0);
            var (_, found) = Export(cluster, 0);
            Assert.Equal(2, found.Count);
            Assert.Equal((write.Kind, served), (write.Kind, Replay(found).GetValueOrDefault("k")));
        }
    }

    [Fact]
    public void What_changed_nothing_is_not_exported()
    {
        using var cluster = new TestCluster(1);
        cluster.RunUntilReady();
        cluster.Put(0, "a", "1", "me", 1);
        cluster.Put(0, "a", "again", "me", 1);
        var refused = cluster.Ask(0, new PutRequest
        {
            Key = TestCluster.Bytes("a"),
            Value = TestCluster.Bytes("never"),
            IfVersion = 0,
        });
        Assert.Equal(ReplyStatus.ConditionFailed, refused.Status);
        cluster.Ask(0, new DeleteRequest { Key = TestCluster.Bytes("absent") });
        cluster.Crash(0);
        Assert.Equal(["put a=1"], Export(cluster, 0).Found);
    }

    [Fact]
    public void A_life_span_is_lost_and_told_and_what_has_ended_is_removed()
    {
        using var cluster = new TestCluster(1);
        cluster.RunUntilReady();
        Assert.Equal(ReplyStatus.Ok, PutFor("short", 1000).Status);
        Assert.Equal(ReplyStatus.Ok, PutFor("long", 1_000_000_000).Status);
        cluster.Run(5000);
        cluster.Put(0, "other", "1");
        Assert.Null(cluster.Get(0, "short"));
        cluster.Crash(0);
        var (export, found) = Export(cluster, 0);
        Assert.Equal(1, export.KeysWithTtl);
        Assert.Equal(["long", "other"], Replay(found).Keys.Order(StringComparer.Ordinal));

        Reply PutFor(string key, ulong ttlMs) => cluster.Ask(0, new PutRequest
        {
            Key = TestCluster.Bytes(key),
            Value = TestCluster.Bytes("v"),
            TtlMs = ttlMs,
        });
    }

    [Fact]
    public void Of_several_nodes_only_what_is_known_to_be_committed_is_exported()
    {
        using var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        for (var i = 0; i < 20; i++)
            cluster.Put(0, $"key-{i}", "committed");
        cluster.Run(3000);
        var leader = cluster.LeaderOf("key-0");
        for (var other = 0; other < 3; other++)
        {
            if (other != leader)
                cluster.Crash(other);
        }

        cluster.Submit(leader, new PutRequest
        {
            Key = TestCluster.Bytes("key-0"),
            Value = TestCluster.Bytes("alone"),
        });
        cluster.Run(50);
        cluster.Crash(leader);
        var (export, found) = Export(cluster, leader);
        Assert.True(export.Unconfirmed >= 1, $"{export.Unconfirmed} are not known to be committed");
        Assert.DoesNotContain("put key-0=alone", found);
        Assert.NotEmpty(found);

        // The newest of what is committed is there as well: a node writes down late what it knows of that.
        var (_, all) = Export(cluster, leader, withUnconfirmed: true);
        Assert.Contains("put key-0=alone", all);
        Assert.Equal(20, Replay(all).Count);
    }

    private static (WalExport Export, List<string> Found) Export(
        TestCluster cluster, int node, bool withUnconfirmed = false)
    {
        var disk = cluster.DiskOf(node);
        CrashFileSystem target = new();
        WalExport export;
        using (var into = target.Create("wal"))
            export = WalExport.Run(disk, into, 15 * 60 * 1000, 16384, withUnconfirmed);
        using var file = target.Open("wal", forWriting: false);
        var reader = new WalReader(file);
        List<string> found = [];
        while (reader.Next() is { } operation)
        {
            found.Add((operation.IsDelete ? "delete " : "put ") + Encoding.UTF8.GetString(operation.Key.Span)
                + (operation.IsDelete ? "" : "=" + Encoding.UTF8.GetString(operation.Value.Span)));
        }

        Assert.Equal(export.Puts + export.Deletes, found.Count);
        return (export, found);
    }

    private static Dictionary<string, string> Replay(List<string> records)
    {
        Dictionary<string, string> state = [];
        foreach (var record in records)
        {
            if (record.StartsWith("delete ", StringComparison.Ordinal))
            {
                state.Remove(record["delete ".Length..]);
                continue;
            }

            var pair = record["put ".Length..].Split('=');
            state[pair[0]] = pair[1];
        }

        return state;
    }
}
