using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Tests.Node.Harness;
using Limits = Kvorum.Node.Limits;

namespace Kvorum.Tests.Node.Loops;

/// <summary>
/// A node that has deleted its replicas and gets the groups again begins blank, with the term and the vote
/// that they had, whatever a crash has left of the removal.
/// </summary>
public class ReplicaRemoverTests
{
    // Node 3 is not the preferred leader of every partition, and gives replicas up.
    private const int Removed = 2;

    // A few of these make a checkpoint due, and changes of members do not.
    private static readonly string Value = new('v', 300);

    [Fact]
    public void A_replica_that_is_made_again_goes_on_with_its_term_and_its_vote()
    {
        using var cluster = Removing();
        var before = Votes(cluster);
        Assert.Contains(before.Values, static one => one.Vote != "none");
        Remove(cluster);
        Assert.Empty(cluster.Folders(Removed).Intersect(before.Keys));
        Check(cluster, before);
    }

    [Fact]
    public void A_restart_in_between_forgets_neither()
    {
        using var cluster = Removing();
        var before = Votes(cluster);
        Remove(cluster);
        cluster.Crash(Removed);
        cluster.Start(Removed);
        cluster.RunUntilReady();
        // It had made them again, until it knew the newest placement.
        Remove(cluster);
        Check(cluster, before);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void A_power_cut_at_any_moment_of_the_removal_is_gone_on_from(int kept)
    {
        for (var point = 0; ; point++)
        {
            using var cluster = Removing();
            var before = Votes(cluster);
            var disk = cluster.DiskOf(Removed);
            disk.PowerOffAfter = disk.Operations + point;
            try
            {
                Remove(cluster);
            }
            catch (Exception e) when (e is IOException)
            {
                Assert.True(disk.IsOff, e.ToString());
            }

            var isOver = !disk.IsOff;
            cluster.Crash(Removed, kept == 0 ? 0 : kept + point);
            cluster.Start(Removed);
            Check(cluster, before);
            if (!isOver)
                continue;
            Assert.InRange(point, 5, 1000);
            return;
        }
    }

    /// <summary>What could not be deleted is not taken for the data of the next replica.</summary>
    [Fact]
    public void Files_that_cannot_be_deleted_are_not_opened_again()
    {
        using var cluster = Removing();
        var before = Votes(cluster);
        cluster.DiskOf(Removed).Fault = static (operation, path) =>
            operation == "delete" && path.EndsWith("manifest", StringComparison.Ordinal)
                ? new IOException("no luck") : null;
        cluster.Run(10_000);
        cluster.DiskOf(Removed).Fault = null;
        Check(cluster, before);
    }

    /// <summary>
    /// What a replica has promised is deleted with it. A member that was away knows only the configuration of
    /// that time, and the new replica, which is empty, must not make it a leader: there is another.
    /// </summary>
    [Fact]
    public void A_replica_that_is_made_again_votes_for_nobody_before_it_is_filled()
    {
        using var cluster = new TestCluster(3, static options => options with { PartitionCount = 1 });
        var (leads, again, away) = MadeAgain(cluster);
        cluster.Run(500);
        CheckOneLeader(cluster, leads, again, away);
    }

    /// <summary>
    /// The same once it is filled: were it by a checkpoint from before its removal, it would be the voter
    /// that it was then.
    /// </summary>
    [Fact]
    public void A_replica_that_is_made_again_is_filled_by_nothing_older_than_its_removal()
    {
        using var cluster = new TestCluster(
            3, static options => options with { PartitionCount = 1, CheckpointLogBytes = 500 });
        var (leads, again, away) = MadeAgain(cluster);
        var againId = cluster.IdOf(again);
        var isOffered = false;
        cluster.Network.Passes = (_, to, kind, _) =>
        {
            isOffered |= kind == PeerFrameKind.SnapshotChunk;
            return !isOffered || kind != PeerFrameKind.Raft || to != againId;
        };
        cluster.RunUntil(() => cluster.Replicas(again).Any(static replica =>
            replica is { IsBlank: false, Group.IsMetadata: false }), 30_000, "a filled replica");
        var filled = cluster.Replicas(again).Single(static replica => !replica.Group.IsMetadata).Raft;
        Assert.DoesNotContain(filled.Id, filled.Configuration.Voters);
        CheckOneLeader(cluster, leads, again, away);
    }

    // Of three replicas one is away, one leads and is the only one for a while, and one was deleted
    // meanwhile, is made again and not filled.
    private static (int Leads, int Again, int Away) MadeAgain(TestCluster cluster)
    {
        cluster.RunUntilReady();
        cluster.PutAll(0, Value);
        var away = (cluster.LeaderOf("k") + 1) % 3;
        cluster.Crash(away);
        cluster.RunUntilReady();
        int[] others = [(away + 1) % 3, (away + 2) % 3];
        cluster.Demand(others[0], new AlterKeyspace(KeyspaceName.Default, 1) { Force = true });
        cluster.RunUntil(() => cluster.HasReplicas(1, groups: 1), 60_000, "one voter");
        var leads = others.Single(node => cluster.Replicas(node).Any(
            static replica => replica is { IsLeader: true, Group.IsMetadata: false }));
        var again = others.Single(node => node != leads);
        cluster.RunUntil(() => cluster.Folders(again).Length == 0, 30_000, "the removal");
        cluster.Run(1000);
        cluster.Network.Passes = static (_, _, kind, _) => kind != PeerFrameKind.SnapshotChunk;
        cluster.Demand(leads, new AlterKeyspace(KeyspaceName.Default, 3) { Force = true });
        cluster.RunUntil(() => cluster.Folders(again).Length == 1, 30_000, "an empty replica");
        return (leads, again, away);
    }

    // The leader hears of nobody, and the two others only of each other: one knows the configuration from
    // before, the other one what it was filled with.
    private static void CheckOneLeader(TestCluster cluster, int leads, int again, int away)
    {
        foreach (var other in new[] { again, away })
        {
            cluster.Network.Cut(cluster.IdOf(leads), cluster.IdOf(other));
            cluster.Network.Cut(cluster.IdOf(other), cluster.IdOf(leads));
        }

        cluster.Start(away);
        cluster.Run(10_000);
        foreach (var other in new[] { again, away })
        {
            Assert.All(cluster.Replicas(other), static replica =>
                Assert.False(replica is { IsLeader: true, Group.IsMetadata: false }));
        }

        cluster.Network.Passes = static (_, _, _, _) => true;
        cluster.Network.Heal();
        cluster.RunUntil(() => cluster.HasReplicas(3, groups: 1), 60_000, "three voters");
        cluster.RunUntilReady();
        cluster.CheckAll(away, Value);
    }

    // The replicas that a partition does not have any more will be deleted in a moment.
    private static TestCluster Removing()
    {
        var cluster = new TestCluster(3, static options => options with { PartitionCount = 2 });
        cluster.RunUntilReady();
        cluster.PutAll(0, "first");
        cluster.Demand(0, new AlterKeyspace(KeyspaceName.Default, 1));
        cluster.RunUntil(() => cluster.HasReplicas(1, groups: 2), 60_000, "one voter");
        cluster.Run(Limits.RemovedKeepMs - 1000);
        return cluster;
    }

    private static void Remove(TestCluster cluster)
    {
        cluster.RunUntil(
            () => cluster.DiskOf(Removed).IsOff || IsRemoved(cluster), 20_000, "the removal");
        cluster.Run(100);
    }

    private static bool IsRemoved(TestCluster cluster) => cluster.Replicas(Removed).All(
        static replica => replica.Group.IsMetadata || replica.IsLeader);

    // Of the replicas that will go: term and vote.
    private static Dictionary<GroupId, (Term Term, string Vote)> Votes(TestCluster cluster) => cluster
        .Replicas(Removed).Where(static replica => !replica.Group.IsMetadata && !replica.IsLeader)
        .ToDictionary(static replica => replica.Group, static replica => VoteOf(replica.Raft));

    private static (Term Term, string Vote) VoteOf(RaftNode raft) =>
        (raft.Term, raft.Describe().Split("vote=")[1].Split(' ')[0]);

    // Three voters again. Term and vote are as they were, in the moment in which each replica is there.
    private static void Check(TestCluster cluster, Dictionary<GroupId, (Term Term, string Vote)> before)
    {
        cluster.RunUntilReady();
        cluster.PutAll(0, "second");
        var seen = new HashSet<GroupId>();
        cluster.Demand(0, new AlterKeyspace(KeyspaceName.Default, 3));
        cluster.RunUntil(
            () =>
            {
                foreach (var replica in cluster.Replicas(Removed))
                {
                    if (!before.TryGetValue(replica.Group, out var had) || !seen.Add(replica.Group))
                        continue;
                    var (term, vote) = VoteOf(replica.Raft);
                    Assert.True(term > had.Term || (term, vote) == had, $"{replica.Group}: {vote} in {term}");
                }

                return cluster.HasReplicas(3, groups: 2);
            },
            60_000, "three voters");
        Assert.Equal(before.Keys.Order(), seen.Order());
        cluster.RunUntilReady();
        Assert.Null(cluster.FatalOf(Removed));
        cluster.Crash(0);
        cluster.RunUntilReady();
        cluster.CheckAll(Removed, "second");
    }
}
