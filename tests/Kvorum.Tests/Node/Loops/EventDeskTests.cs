using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Tests.Node.Harness;

using Limits = Kvorum.Node.Limits;

namespace Kvorum.Tests.Node.Loops;

/// <summary>Events are told when a node hears of them, to those who wait for them.</summary>
public class EventDeskTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public void Every_node_tells_those_who_wait_on_the_turn_on_which_it_hears()
    {
        using var cluster = Ready();
        var after = NewestOf(cluster, 0);
        var told = new AdminReply?[3];
        for (var node = 0; node < 3; node++)
        {
            var asked = node;
            Wait(cluster, node, new(after) { WaitMs = 60_000 }, reply => told[asked] = reply);
        }

        cluster.Run(1000);
        Assert.All(told, Assert.Null);
        Ask(cluster, 1, new CreateKeyspace("orders") { Partitions = 4 });
        cluster.RunUntil(() => told.All(static one => one is not null), 2000, "all nodes tell");
        Assert.All(told, one =>
        {
            var happened = Assert.Single(one!.Events!);
            Assert.Equal(
                (after + 1, ClusterEventKind.KeyspaceChanged, "orders", "made"),
                (happened.Position, happened.Kind, happened.Keyspace, happened.Why));
        });
    }

    [Fact]
    public void An_event_says_who_has_asked_for_it_whichever_node_was_asked()
    {
        using var cluster = Ready();
        cluster.RunUntil(() => cluster.Status(0).FormatVersion == 2);
        var after = NewestOf(cluster, 0);
        for (var node = 0; node < 3; node++)
            Ask(cluster, node, new ChangeLimits { MovesMax = 11 + node, By = $"operator at {node}" });
        string[] expected =
        [
            .. Enumerable.Range(0, 3).Select(static node => $"moves_max is {11 + node} operator at {node}"),
        ];
        Assert.Equal(expected, Limits(1));
        // It is on disk.
        cluster.Crash(1);
        cluster.Start(1);
        cluster.RunUntilReady();
        Assert.Equal(expected, Limits(1));
        Assert.Contains(cluster.Notes, static note => note.Contains(
            "operator at 0 has decided through node-1: moves_max is 11", StringComparison.Ordinal));

        string[] Limits(int node)
        {
            AdminReply? told = null;
            cluster.Run(1000);
            Wait(cluster, node, new(after), reply => told = reply);
            cluster.RunUntil(() => told is not null, 2000, "the node tells");
            return [.. told!.Events!.Where(static one => one.Kind == ClusterEventKind.LimitsChanged)
                .Select(static one => $"{one.Why} {one.By}")];
        }
    }

    [Fact]
    public void A_question_is_answered_when_its_time_is_up_and_says_how_far_the_node_is()
    {
        using var cluster = Ready();
        var newest = NewestOf(cluster, 0);
        AdminReply? told = null, early = null;
        Wait(cluster, 0, new(newest) { WaitMs = 2000 }, reply => told = reply);
        Wait(cluster, 0, new(newest + 100) { WaitMs = 60_000 }, reply => early = reply);
        cluster.Run(1500);
        Assert.Null(told);
        cluster.Run(1000);
        Assert.Equal((ReplyStatus.Ok, "", (ulong?)newest), (told!.Status, told.Message, told.NewestEvent));
        Assert.Empty(told.Events!);
        // A position that is not reached yet: this node may be behind the one that told of it.
        Assert.Null(early);
    }

    /// <summary>Positions are of the cluster: any node goes on where another one was left.</summary>
    [Fact]
    public void A_reader_that_goes_from_node_to_node_misses_nothing_and_hears_nothing_twice()
    {
        using var cluster = Ready();
        ulong after = 0;
        var heard = new List<ClusterEvent>();
        for (var round = 0; round < 12; round++)
        {
            var (node, name) = (round % 3, $"k{round}");
            AdminReply? told = null;
            after = heard.Count == 0 ? 0 : heard[^1].Position;
            if (round % 4 == 3)
                cluster.Crash((node + 1) % 3);
            Ask(cluster, node, new CreateKeyspace(name) { Partitions = 1, Replicas = 1 });
            Wait(cluster, node, new(after) { WaitMs = 60_000 }, reply => told = reply);
            cluster.RunUntil(() => told is not null, 10_000, $"round {round} is told");
            heard.AddRange(told!.Events!);
            if (round % 4 == 3)
                cluster.Start((node + 1) % 3);
        }

        Assert.Equal(
            Enumerable.Range(1, heard.Count).Select(static at => (ulong)at),
            heard.Select(static one => one.Position));
        Assert.Equal(
            Enumerable.Range(0, 12).Select(static round => $"k{round}"),
            heard.Where(
                static one => one.Kind == ClusterEventKind.KeyspaceChanged
                    && one.Keyspace != KeyspaceName.Default)
                .Select(static one => one.Keyspace));
    }

    [Fact]
    public void A_node_without_a_leader_says_that_it_may_be_late()
    {
        using var cluster = Ready();
        cluster.Crash(1);
        cluster.Crash(2);
        cluster.Run(10_000);
        AdminReply? told = null;
        Wait(cluster, 0, new(NewestOf(cluster, 0)) { WaitMs = 500 }, reply => told = reply);
        cluster.Run(1000);
        Assert.Equal(ReplyStatus.Ok, told!.Status);
        Assert.Contains(
            "node-1 may hear late of events: 1 of 3 nodes up", told.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_that_stops_sends_those_who_wait_to_others()
    {
        using var cluster = Ready();
        AdminReply? before = null, behind = null;
        var after = NewestOf(cluster, 0);
        Wait(cluster, 0, new(after) { WaitMs = 60_000 }, reply => before = reply);
        cluster[0].BeginShutdown(Patience, static () => { });
        cluster.Run(100);
        Assert.Equal(ReplyStatus.ShuttingDown, before!.Status);
        Assert.Contains("through another node", before.Message, StringComparison.Ordinal);
        Wait(cluster, 0, new(after) { WaitMs = 60_000 }, reply => behind = reply);
        Assert.Equal(ReplyStatus.ShuttingDown, behind!.Status);
        // What it knows it tells all the same.
        Assert.Equal(after, NewestOf(cluster, 0));
    }

    [Fact]
    public void Those_who_wait_are_bounded_and_told_so()
    {
        using var cluster = Ready();
        var asked = new ShowEvents(NewestOf(cluster, 0)) { WaitMs = 60_000 };
        var answers = 0;
        for (var n = 0; n < Limits.EventWatchersMax; n++)
            Wait(cluster, 0, asked, _ => answers++);
        AdminReply? one = null;
        Wait(cluster, 0, asked, reply => one = reply);
        cluster.Run(100);
        Assert.Equal((0, ReplyStatus.Overloaded), (answers, one!.Status));
        Assert.Contains("1024 watchers already: ask another node", one.Message, StringComparison.Ordinal);
        Ask(cluster, 1, new CreateKeyspace("orders") { Partitions = 1, Replicas = 1 });
        cluster.RunUntil(() => answers == Limits.EventWatchersMax, 2000, "all are told");
        Wait(cluster, 0, asked with { WaitMs = -1 }, reply => one = reply);
        Assert.Equal(ReplyStatus.InvalidArgument, one.Status);
    }

    /// <summary>Who was away for too long is told so, and a node that was away tells the same.</summary>
    [Fact]
    public void A_position_that_is_not_kept_any_more_is_refused_by_every_node()
    {
        using var cluster = Ready();
        var after = NewestOf(cluster, 0);
        cluster.Crash(2);
        for (var n = 0; NewestOf(cluster, 0) < after + Limits.ClusterEventsKept + 20; n++)
        {
            Ask(cluster, 0, new CreateKeyspace("k") { Partitions = 1, Replicas = 1 });
            Ask(cluster, 0, new DropKeyspace("k"));
        }

        cluster.Start(2);
        cluster.RunUntil(() => NewestOf(cluster, 2) >= NewestOf(cluster, 0), 60_000, "it has caught up");
        for (var node = 0; node < 3; node++)
        {
            AdminReply? reply = null;
            Wait(cluster, node, new(after) { WaitMs = 60_000 }, told => reply = told);
            Assert.Equal(ReplyStatus.ConditionFailed, reply!.Status);
            var oldest = reply.OldestEvent!.Value;
            Assert.Contains($"go on behind position {oldest - 1}", reply.Message, StringComparison.Ordinal);
            Wait(cluster, node, new(oldest - 1) { WaitMs = 60_000 }, told => reply = told);
            Assert.Equal((ReplyStatus.Ok, oldest), (reply.Status, reply.Events![0].Position));
        }
    }

    private static TestCluster Ready()
    {
        var cluster = new TestCluster(3);
        cluster.RunUntilReady();
        cluster.Run(2000);
        return cluster;
    }

    private static ulong NewestOf(TestCluster cluster, int node)
    {
        AdminReply? reply = null;
        Wait(cluster, node, new(), told => reply = told);
        return reply!.NewestEvent!.Value;
    }

    private static void Wait(TestCluster cluster, int node, ShowEvents asked, Action<AdminReply> told) =>
        cluster[node].Administer(asked, Patience, told);

    private static void Ask(TestCluster cluster, int node, AdminChange change)
    {
        AdminReply? reply = null;
        cluster[node].Administer(change, Patience, answered => reply = answered);
        cluster.RunUntil(() => reply is not null, 60_000, $"{change}");
        Assert.Equal(ReplyStatus.Ok, reply!.Status);
    }
}
