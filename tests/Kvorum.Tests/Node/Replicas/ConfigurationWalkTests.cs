using System.Globalization;
using Kvorum.Node.Placement;
using Kvorum.Node.Replicas;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Replicas;

/// <summary>
/// The steps of a group from its configuration to its target, in text: "1 2 3 / 4" are voters 1, 2 and 3 and
/// learner 4, "1 2 4 &lt; 1 2 3" is the joint configuration that lets 4 vote in the place of 3. Of a change,
/// "+v" votes from now on, "+l" learns, and "-" goes.
/// </summary>
public class ConfigurationWalkTests
{
    [Theory]
    [InlineData("1", "1")]
    [InlineData("1 2 3", "1 2 3")]
    [InlineData("1 2 3 / 4", "1 2 3 / 4")]
    // The order of a target is of preference, and moves nothing.
    [InlineData("1 2 3", "3 1 2")]
    public void A_group_that_is_where_it_should_be_has_arrived(string now, string target) =>
        Assert.Equal("arrived", Step(now, target));

    [Theory]
    [InlineData("1", "1 2 3", "+l2 +l3")]
    [InlineData("1 2 3", "1 2 4", "+l4")]
    [InlineData("1 2 3", "3 5 4", "+l4 +l5")]
    [InlineData("1", "1 / 2", "+l2")]
    // Strays go with the same change, before anything else.
    [InlineData("1 2 3 / 5", "1 2 4", "+l4 -5")]
    [InlineData("1 2 3 / 4 5", "1 2 3 / 4", "-5")]
    [InlineData("1 2 3 / 4 5", "1 2 4", "-5")]
    public void Replicas_first_come_as_learners_and_strays_go(string now, string target, string step) =>
        Assert.Equal(step, Step(now, target));

    [Theory]
    [InlineData("1 / 2 3", "1 2 3", "2", "wait for 2")]
    [InlineData("1 / 2 3", "1 2 3", "2 3", "wait for 2 3")]
    [InlineData("1 2 3 / 4", "1 2 4", "4", "wait for 4")]
    // Learners that are to stay learners may lag.
    [InlineData("1 2 3 / 4", "1 2 3 / 4", "4", "arrived")]
    [InlineData("1 2 3 / 4 5", "1 2 4 / 5", "5", "+v4 -3")]
    public void No_learner_votes_before_it_has_caught_up(
        string now, string target, string behind, string step) =>
        Assert.Equal(step, Step(now, target, behind));

    [Theory]
    [InlineData("1 / 2 3", "1 2 3", "+v2 +v3")]
    [InlineData("1 2 3 / 4", "1 2 4", "+v4 -3")]
    [InlineData("1 2 3 / 4 5 6", "4 5 6", "+v4 +v5 +v6 -1 -2 -3")]
    [InlineData("1 2 3 / 4 5", "1 2 3 4 5", "+v4 +v5")]
    [InlineData("1 2 3 4 5", "1 2 3", "-4 -5")]
    [InlineData("1 2 3", "1", "-2 -3")]
    [InlineData("1 2 3", "2", "-1 -3")]
    // A voter that is to learn is no stray, and does not come twice.
    [InlineData("1 2 3", "1 / 2", "+l2 -3")]
    [InlineData("1 2 3 / 4", "1 2 4 / 3", "+v4 +l3")]
    public void Then_one_joint_change_does_the_rest(string now, string target, string step) =>
        Assert.Equal(step, Step(now, target));

    [Theory]
    [InlineData("1 2 4 < 1 2 3", "1 2 4")]
    [InlineData("1 2 4 < 1 2 3", "1 2 5")]
    [InlineData("1 2 4 < 1 2 3 / 5", "1 2 3")]
    public void A_joint_configuration_is_left_before_anything_else(string now, string target) =>
        Assert.Equal("wait", Step(now, target));

    /// <summary>A majority of the new voters answers, and no fewer of them than of the old ones.</summary>
    [Theory]
    [InlineData("1 2 3 / 4", "1 2 4", "3", "+v4 -3")]
    [InlineData("1 2 3 / 4", "1 2 4", "4", "wait for 4")]
    [InlineData("1 2 3 / 4", "1 2 4", "1", "+v4 -3")]
    [InlineData("1 2 3 / 4", "1 2 4", "1 3", "+v4 -3")]
    [InlineData("1 2 3 / 4", "1 2 4", "1 2", "wait for 1 2")]
    [InlineData("1 / 2 3", "1 2 3", "3", "+v2 +v3")]
    [InlineData("1 / 2 3", "1 2 3", "2 3", "wait for 2 3")]
    [InlineData("1 2 3 / 4 5", "1 2 3 4 5", "4", "+v4 +v5")]
    [InlineData("1 2 3 / 4 5", "1 2 3 4 5", "2 4 5", "wait for 2 4 5")]
    // Fewer voters can not all answer that did before.
    [InlineData("1 2 3 4 5", "1 2 3", "5", "-4 -5")]
    [InlineData("1 2 3 4 5", "1 2 3", "4 5", "-4 -5")]
    [InlineData("1 2 3 4 5", "1 2 3", "3", "wait for 3")]
    [InlineData("1 2 3", "1", "1", "wait for 1")]
    public void An_unsafe_change_waits(string now, string target, string silent, string step) =>
        Assert.Equal(step, Step(now, target, silent: silent));

    /// <summary>From anywhere to anywhere: it ends, and the voters are odd in number all the way.</summary>
    [Fact]
    public void Every_walk_ends_and_goes_from_odd_to_odd()
    {
        var random = new Random(1);
        for (var n = 0; n < 2000; n++)
        {
            var now = new Configuration { Voters = [.. Some(random, 1 + (2 * random.Next(3))).Order()] };
            var target = ReplicaTarget.Of(Some(random, random.Next(1, 7)));
            for (var steps = 0; ; steps++)
            {
                Assert.Equal(1, now.Voters.Count % 2);
                var step = ConfigurationWalk.Next(now, target, static _ => true, static _ => true);
                if (step is WalkStep.Arrived)
                    break;
                var next = RaftNode.After(now, Assert.IsType<WalkStep.Change>(step).Members)!;
                now = next.IsJoint ? RaftNode.After(next, new([]))! : next;
                Assert.InRange(steps, 0, 2);
            }

            Assert.Equal(target.Voters.Order(), now.Voters);
            Assert.Equal(target.Learners.Order(), now.Learners);
        }
    }

    private static NodeId[] Some(Random random, int count)
    {
        NodeId[] nodes = [.. Enumerable.Range(1, 9).Select(static id => new NodeId((UInt128)id))];
        random.Shuffle(nodes);
        return nodes[..count];
    }

    private static string Step(string now, string target, string behind = "", string silent = "")
    {
        NodeId[] areBehind = Nodes(behind), areSilent = Nodes(silent);
        var parts = now.Split('/');
        var voters = parts[0].Split('<');
        var configuration = new Configuration
        {
            Voters = Nodes(voters[0]),
            Outgoing = voters.Length > 1 ? Nodes(voters[1]) : [],
            Learners = parts.Length > 1 ? Nodes(parts[1]) : [],
        };
        var wanted = target.Split('/');
        var step = ConfigurationWalk.Next(
            configuration, new(Nodes(wanted[0]), wanted.Length > 1 ? Nodes(wanted[1]) : []),
            node => !areBehind.Contains(node), node => !areSilent.Contains(node));
        return step switch
        {
            WalkStep.Arrived => "arrived",
            WalkStep.Wait { For.Count: 0 } => "wait",
            WalkStep.Wait wait => $"wait for {string.Join(' ', wait.For.Select(static node => node.Value))}",
            WalkStep.Change change => string.Join(' ', change.Members.Changes.Select(Told)),
            _ => throw new InvalidOperationException($"{step}"),
        };
    }

    private static string Told(MemberChange change) => change.Kind switch
    {
        MemberChangeKind.AddVoter => $"+v{change.Node.Value}",
        MemberChangeKind.AddLearner => $"+l{change.Node.Value}",
        _ => $"-{change.Node.Value}",
    };

    private static NodeId[] Nodes(string text) =>
    [
        .. text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(static id => new NodeId(UInt128.Parse(id, CultureInfo.InvariantCulture))),
    ];
}
