using Kvorum.Node;
using Kvorum.Node.Survival;
using Kvorum.Protocol;

namespace Kvorum.Tests.Node.Survival;

/// <summary>What a plan decides, by table: voters, survivors, and what may be missing.</summary>
public class RecoveryPlannerTests
{
    private static readonly Guid Cluster = Guid.Parse("11111111-0000-0000-0000-000000000000");
    private static readonly Guid Next = Guid.Parse("22222222-0000-0000-0000-000000000000");
    private static readonly Guid PlanId = Guid.Parse("33333333-0000-0000-0000-000000000000");

    // Each survivor: name, last term, last index; "-" for a node without a replica of the partition, "b"
    // for a blank replica.
    [Theory]
    [InlineData("abc", "", "a:3:10", "GoesOn a 10 lacks")] // one of three: the two others may have had more
    [InlineData("abc", "", "a:3:10 b:3:12", "Kept")] // a majority goes on by itself
    [InlineData("abcd", "", "a:3:10 b:3:12", "GoesOn b 12 whole")] // no majority, and none without them
    [InlineData("abcde", "", "a:3:10 b:4:9", "GoesOn b 9 lacks")] // the newer term counts, not the longer log
    [InlineData("abcde", "", "a:3:10 b:3:10 c:3:7", "Kept")]
    [InlineData("abc", "", "a:b b:3:12", "GoesOn b 12 lacks")] // a blank replica is no survivor
    [InlineData("bc", "", "a:3:10", "GoesOn a 10 lacks")] // a learner, or one that was a voter before
    [InlineData("abc", "ade", "a:3:10 b:3:10", "GoesOn b 10 whole")] // joint: every commit needed a or b
    [InlineData("abc", "abd", "a:3:10 b:3:10", "Kept")]
    [InlineData("cd", "ab", "a:3:10 b:3:12", "GoesOn b 12 whole")] // every commit needed a or b
    [InlineData("cde", "", "a:- b:-", "BeginsEmpty a 0 lacks")]
    public void A_group_goes_on_from_the_newest_replica(
        string voters, string outgoing, string survivors, string expected)
    {
        var plan = Plan(true, [.. survivors.Split(' ').Select(text => Parse(text, voters, outgoing))]);
        var group = plan.Groups.Single(static one => one.Group == 1);
        var source = plan.Survivors.FirstOrDefault(one => one.NodeId == group.Source)?.NodeName;
        Assert.Equal(
            expected,
            group.Fate == GroupFate.Kept ? "Kept"
                : $"{group.Fate} {source} {group.LastIndex} {(group.MayLack ? "lacks" : "whole")}");
        Assert.Equal(group.Fate == GroupFate.BeginsEmpty ? 1ul : 8ul, group.Term);
    }

    // While the joint configuration was not committed, d and e could still decide alone.
    [Theory]
    [InlineData(9, true)]
    [InlineData(5, false)]
    public void A_joint_configuration_that_may_not_be_committed_protects_nothing(ulong at, bool mayLack)
    {
        string[] names = ["a", "b"];
        var plan = Plan(false, [.. names.Select(name => Parse($"{name}:3:10", "abc", "ade")).Select(
            one => Changed(one, replica => replica with { ConfigurationIndex = at, Commit = 5 }))]);
        Assert.Equal(mayLack, plan.Groups[1].MayLack);
    }

    [Fact]
    public void The_metadata_group_always_goes_on_as_another_cluster()
    {
        // Its voters a, b and c are all here; the partition has lost d and e.
        var plan = Plan(
            false, Parse("a:3:10", "ade", "", "abc"), Parse("b:-", "", "", "abc"),
            Parse("c:-", "", "", "abc"));
        Assert.Equal(GroupFate.GoesOn, plan.Groups[0].Fate);
        Assert.False(plan.Groups[0].MayLack);
        Assert.Equal((Cluster, Next), (plan.OldCluster, plan.NewCluster));
        Assert.Equal(["d", "e"], plan.Lost.Select(static one => one.Name));
    }

    [Fact]
    public void Groups_whose_replicas_are_equal_are_shared_out()
    {
        string[] names = ["a", "b"];
        var plan = Plan(false, [.. names.Select(name => Parse($"{name}:3:10", "abcde", "", partitions: 8))]);
        var sources = plan.Groups.Skip(1).CountBy(static group => group.Source)
            .Select(static one => one.Value);
        Assert.Equal(8, sources.Sum());
        Assert.All(sources, static count => Assert.InRange(count, 3, 5));
    }

    // Nodes d and e are lost.
    [Theory]
    [InlineData(1, false, "abd", "ab", "Kept 2 lacks")]
    [InlineData(2, false, "abd", "ab", "Kept 2 whole")]
    [InlineData(2, true, "abd", "ab", "Kept 2 lacks")] // d and e may have had it, e for another
    [InlineData(3, true, "abd", "ab", "Kept 2 whole")]
    [InlineData(2, false, "abd", "a", "Kept 1 lacks")] // that of b was never filled
    [InlineData(2, false, "de", "b", "Kept 0 lacks")] // it was moving to b
    [InlineData(2, false, "de", "", "BeginsEmpty 0 lacks")]
    public void A_quorum_partition_stays_as_it_is(
        int write, bool isSloppy, string nodes, string filled, string expected)
    {
        var cache = new SurvivingKeyspace(2, "cache", "quorum", 2, 1)
        {
            Places = [new([.. nodes.Select(IdOf)], write)],
            IsSloppy = isSloppy,
        };
        var survivors = "abc".Select(name => Parse($"{name}:3:10", "ade", "", "abc")).Select(one => one with
        {
            Keyspaces = [.. one.Keyspaces, cache],
            QuorumReplicas = [new(2, "cache", 0, filled.Contains(one.NodeName, StringComparison.Ordinal)
                ? SurvivingCondition.Whole : SurvivingCondition.Blank)],
        });
        var group = Plan(true, [.. survivors]).Groups.Single(static one => one.IsQuorum);
        Assert.Equal(
            expected, $"{group.Fate} {group.VotersLeft} {(group.MayLack ? "lacks" : "whole")}");
    }

    [Fact]
    public void Nothing_is_recovered_where_nothing_is_lost_for_good()
    {
        Refused(
            "there is nothing to recover",
            [.. "abc".Select(name => Parse($"{name}:3:1", "abc", "", "abc"))]);
        Refused("all members are here", [.. "abcde".Select(name => Parse($"{name}:3:1", "abcde", ""))]);
    }

    [Fact]
    public void What_is_contradictory_or_missing_is_refused_with_the_remedy()
    {
        var one = Parse("a:3:1", "abc", "");
        Refused("no survivor is given");
        Refused("a is given 2 times", one, one);
        Refused("belongs to cluster", one, Parse("b:3:1", "abc", "") with { ClusterId = Next });
        Refused("none of these nodes has a whole replica of the metadata group", one with { Replicas = [] });
        Refused(
            "b was removed from the cluster or declared lost before",
            one with
            {
                Members =
                    [.. one.Members.Select(static member => member with { IsHeard = member.Name != "b" })],
            },
            Parse("b:b", "abc", "") with { Replicas = [] });
        Refused("of 1 partitions, partition 0 first, no survivor has a replica", Parse("a:-", "cde", ""));
        Refused(
            "Give one side up with kvorum discard first",
            With(one, SurvivingCondition.Quarantined), Parse("b:3:1", "abcde", ""));
        Refused("restore its folder from a copy", With(one, SurvivingCondition.Damaged));
    }

    [Fact]
    public void A_damaged_replica_is_filled_from_a_whole_one()
    {
        var plan = Plan(
            false, With(Parse("a:3:9", "abc", ""), SurvivingCondition.Damaged), Parse("b:3:4", "abc", ""));
        Assert.Equal(IdOf('b'), plan.Groups[1].Source);
        Assert.True(plan.Groups[1].MayLack);
    }

    [Fact]
    public void Descriptions_and_plans_are_read_as_they_were_written()
    {
        var one = Parse("a:3:10", "abc", "bcd");
        Assert.Equal(one.ToJson(), Survivor.Parse(one.ToJson()).ToJson());
        var plan = Plan(false, one);
        Assert.Equal(plan.ToJson(), RecoveryPlan.Parse(plan.ToJson()).ToJson());
        Assert.Contains("no description", Assert.Throws<FormatException>(
            () => Survivor.Parse("{}"u8)).Message, StringComparison.Ordinal);
        Assert.Contains("no plan", Assert.Throws<FormatException>(
            () => RecoveryPlan.Parse("x"u8)).Message, StringComparison.Ordinal);
        Assert.Contains("format 2", Assert.Throws<FormatException>(
            () => RecoveryPlan.Parse((plan with { Version = 2 }).ToJson())).Message,
            StringComparison.Ordinal);
    }

    private static RecoveryPlan Plan(bool maySomeBeginEmpty, params Survivor[] survivors) =>
        RecoveryPlanner.Plan(survivors, PlanId, Next, maySomeBeginEmpty);

    private static void Refused(string why, params Survivor[] survivors) => Assert.Contains(
        why, Assert.Throws<RecoveryRefusedException>(() => Plan(false, survivors)).Message,
        StringComparison.Ordinal);

    private static Survivor With(Survivor one, SurvivingCondition condition) =>
        Changed(one, replica => replica with { Condition = condition, Why = "it is bad" });

    private static Survivor Changed(Survivor one, Func<SurvivingReplica, SurvivingReplica> change) => one with
    {
        Replicas = [.. one.Replicas.Select(replica => replica.Group == 0 ? replica : change(replica))],
    };

    // A cluster of five, a to e.
    private static Survivor Parse(
        string text, string voters, string outgoing, string meta = "cde", int partitions = 1)
    {
        var parts = text.Split(':');
        var replicas = new List<SurvivingReplica>
        {
            new(0, KeyspaceName.System, 0, SurvivingCondition.Whole)
            {
                Term = 7, LastTerm = 7, LastIndex = 40, Commit = 40, Voters = [.. meta.Select(IdOf)],
            },
        };
        for (uint n = 0; n < partitions && parts[1] != "-"; n++)
        {
            var isBlank = parts[1] == "b";
            var condition = isBlank ? SurvivingCondition.Blank : SurvivingCondition.Whole;
            replicas.Add(new(1 + n, KeyspaceName.Default, n, condition)
            {
                Term = isBlank ? 0 : 7ul,
                LastTerm = isBlank ? 0 : ulong.Parse(parts[1], null),
                LastIndex = isBlank ? 0 : ulong.Parse(parts[2], null),
                Voters = isBlank ? [] : [.. voters.Select(IdOf)],
                Outgoing = isBlank ? [] : [.. outgoing.Select(IdOf)],
            });
        }

        return new()
        {
            Version = 1,
            NodeId = IdOf(parts[0][0]),
            NodeName = parts[0],
            PeerAddress = $"{parts[0]}:60051",
            ClusterId = Cluster,
            Incarnation = Guid.NewGuid(),
            Members =
            [
                .. "abcde".Select(static name =>
                    new SurvivingMember(IdOf(name), $"{name}", $"{name}:60051", true)),
            ],
            Keyspaces = [new(1, KeyspaceName.Default, "strong", 1, partitions)],
            Replicas = replicas,
        };
    }

    private static Guid IdOf(char name) =>
        ClusterIdentity.ToGuid(ClusterIdentity.NodeFromName($"{name}").Value);
}
