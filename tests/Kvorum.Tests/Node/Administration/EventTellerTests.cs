using Kvorum.Node.Administration;
using Kvorum.Protocol;

using Limits = Kvorum.Node.Limits;

namespace Kvorum.Tests.Node.Administration;

/// <summary>What is told behind a position, by what is kept.</summary>
public class EventTellerTests
{
    private static readonly Guid Cluster = Guid.Parse("00000000-0000-0000-0000-0000000000cc");

    // Kept: from which position to which; told: the same, 0 for nothing and -1 for a refusal.
    [Theory]
    [InlineData(0, 0, 0, 0, 0)]
    [InlineData(0, 0, 7, 0, 0)]
    [InlineData(1, 5, 0, 1, 5)]
    [InlineData(1, 5, 3, 4, 5)]
    [InlineData(1, 5, 4, 5, 5)]
    [InlineData(1, 5, 5, 0, 0)]
    [InlineData(1, 5, 9, 0, 0)]
    [InlineData(11, 15, 0, 11, 15)]
    [InlineData(11, 15, 10, 11, 15)]
    [InlineData(11, 15, 11, 12, 15)]
    [InlineData(11, 15, 15, 0, 0)]
    [InlineData(11, 15, 9, -1, -1)]
    [InlineData(11, 15, 1, -1, -1)]
    [InlineData(1, 900, 100, 101, 300)]
    public void A_position_leads_to_what_is_behind_it(
        int oldest, int newest, ulong after, int first, int last)
    {
        var reply = EventTeller.News(new(after), Kept(oldest, newest), Cluster);
        if (first == 0)
        {
            Assert.Null(reply);
            return;
        }

        Assert.Equal(
            ((ulong)oldest, (ulong)newest, Cluster), (reply!.OldestEvent, reply.NewestEvent, reply.ClusterId));
        Assert.Equal(first > 0 ? ReplyStatus.Ok : ReplyStatus.ConditionFailed, reply.Status);
        if (first > 0)
        {
            Assert.Equal(
                Enumerable.Range(first, last - first + 1).Select(static at => (ulong)at),
                reply.Events!.Select(static one => one.Position));
        }
    }

    [Fact]
    public void A_gap_says_what_is_gone_and_how_to_go_on()
    {
        var reply = EventTeller.News(new(3), Kept(11, 15), Cluster)!;
        Assert.Equal(
            "events 4 to 10 are not kept any more: the cluster keeps its newest "
            + $"{Limits.ClusterEventsKept}. Look at the cluster (kvorum cluster show), and go on behind "
            + "position 10", reply.Message);
        Assert.Equal(
            ReplyStatus.Ok, EventTeller.News(new(10), Kept(11, 15), Cluster)!.Status);
    }

    [Fact]
    public void A_position_of_another_cluster_leads_nowhere()
    {
        var other = Guid.Parse("00000000-0000-0000-0000-0000000000dd");
        var asked = new ShowEvents(3) { ClusterId = other };
        var reply = EventTeller.News(asked, Kept(1, 5), Cluster)!;
        Assert.Equal(ReplyStatus.ConditionFailed, reply.Status);
        Assert.Contains($"is of cluster {other}, and this is cluster {Cluster}", reply.Message, StringComparison.Ordinal);
        Assert.Equal(ReplyStatus.Ok, EventTeller.News(asked with { ClusterId = Cluster }, Kept(1, 5), Cluster)!.Status);
        // A node that does not know its cluster yet has nothing to say against it.
        Assert.Null(EventTeller.News(asked, [], Guid.Empty));
    }

    [Fact]
    public void Nothing_says_how_far_it_is_and_why_it_may_be_late()
    {
        var reply = EventTeller.NoNews(Kept(11, 15), Cluster, "an election is under way");
        Assert.Equal(
            (ReplyStatus.Ok, "an election is under way", (ulong?)15),
            (reply.Status, reply.Message, reply.NewestEvent));
        Assert.Empty(reply.Events!);
    }

    /// <summary>What clients write is what nodes read, and the other way round.</summary>
    [Fact]
    public void Clients_and_nodes_agree_on_the_question_and_its_answer()
    {
        var question = AdminJson.DecodeRequest(EventsCodec.Ask(7, 5000, Cluster));
        Assert.Equal(new ShowEvents(7) { WaitMs = 5000, ClusterId = Cluster }, question);
        Assert.Equal(new ShowEvents(), AdminJson.DecodeRequest(EventsCodec.Ask(0, 0, Guid.Empty)));
        var reply = EventTeller.News(new(13), Kept(11, 15), Cluster)! with { Message = "words" };
        var read = EventsCodec.ReadAnswer(AdminJson.Encode(reply));
        Assert.Equal(
            (reply.Status, "words", 11ul, 15ul, Cluster),
            (read.Status, read.Message, read.OldestEvent, read.NewestEvent, read.ClusterId));
        Assert.Equal(14ul, read.Events[0].Position);
        Assert.Equal(["a", "b"], read.Events[0].Before);
        Assert.Equal(ClusterEventKind.PartitionChanged, read.Events[0].Kind);
        var gap = EventsCodec.ReadAnswer(AdminJson.Encode(EventTeller.News(new(1), Kept(11, 15), Cluster)!));
        Assert.Equal(ReplyStatus.ConditionFailed, gap.Status);
    }

    [Fact]
    public void A_kind_of_a_newer_version_is_told_as_unknown()
    {
        var json = """{"status":"ok","events":[{"position":1,"time_ms":2,"kind":"moon_rose","moon":"full"}]}"""u8;
        var one = Assert.Single(EventsCodec.ReadAnswer(json).Events);
        Assert.Equal((1ul, ClusterEventKind.Unknown), (one.Position, one.Kind));
        Assert.Throws<FormatException>(() => EventsCodec.ReadAnswer("[]"u8));
        Assert.Throws<FormatException>(() => EventsCodec.ReadAnswer("null"u8));
    }

    private static ClusterEvent[] Kept(int oldest, int newest) => oldest == 0 ? [] :
    [
        .. Enumerable.Range(oldest, newest - oldest + 1).Select(static at => new ClusterEvent
        {
            Position = (ulong)at,
            TimeMs = 1000,
            Kind = ClusterEventKind.PartitionChanged,
            Keyspace = "default",
            Partition = 3,
            Why = "drain",
            Before = ["a", "b"],
            After = ["b", "c"],
        }),
    ];
}
