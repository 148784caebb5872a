using Kvorum.Node.Replicas;
using Kvorum.Raft.Membership;

namespace Kvorum.Tests.Node.Replicas;

/// <summary>What is promised of strong keyspaces, against the arithmetic of majorities.</summary>
public class StrongPromiseTests
{
    [Fact]
    public void Promises_hold_for_all_sets_of_voters()
    {
        for (var voters = 1; voters <= 7; voters++)
        {
            var promise = new StrongPromise(voters);
            Assert.Equal(Majority.Of(voters), promise.Needed);
            foreach (var loss in promise.Losses())
            {
                var goesOn = Majority.Tally(voters, voters - loss.Lost, 0) == Verdict.Won;
                Assert.Equal((goesOn, goesOn), (loss.WritesGoOn, loss.ReadsGoOn));
                // The lost ones are among those that acknowledged.
                Assert.Equal(loss.Lost < Majority.Of(voters), loss.KeepsAcknowledged);
                Assert.Equal(loss.Lost < voters, loss.KeepsRepaired);
            }
        }
    }

    [Fact]
    public void A_learner_keeps_data_and_gives_no_vote()
    {
        var losses = new StrongPromise(voters: 3, learners: 1).Losses();
        Assert.Equal(5, losses.Count);
        Assert.False(losses[2].WritesGoOn);
        Assert.True(losses[3].KeepsRepaired);
        Assert.False(losses[4].KeepsRepaired);
    }
}
