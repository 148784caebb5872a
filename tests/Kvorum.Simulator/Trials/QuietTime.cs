namespace Kvorum.Simulator.Trials;

/// <summary>What happened in a time in which nothing had to.</summary>
/// <param name="Elections">By how much the groups' terms grew together.</param>
/// <param name="Leaderless">Groups without leader at the end.</param>
internal sealed record QuietTime(ulong Elections, int Leaderless)
{
    /// <summary>
    /// Watches a cluster on which no client calls, its links up to so many times slower, each for seconds.
    /// </summary>
    public static QuietTime Watch(ulong seed, int seconds, int slowness)
    {
        var trial = new TrialCluster(seed, new() { Nodes = 3 });
        trial.Wait(10_000_000);
        var before = Terms(trial);
        for (var endUs = trial.World.NowUs + (seconds * 1_000_000L); trial.World.NowUs < endUs;)
        {
            Slow(trial, slowness);
            trial.Wait(trial.Random.Between(100_000, 5_000_000));
        }

        var groups = trial.Cluster.Directory.Groups;
        return new(Terms(trial) - before, groups.Count(group => trial.LeaderOf(group) is null));
    }

    private static void Slow(TrialCluster trial, int slowness)
    {
        foreach (var from in trial.Cluster.Machines)
        {
            foreach (var to in trial.Cluster.Machines)
            {
                if (from != to)
                    trial.Cluster.Network.Slow(from.Index, to.Index, trial.Random.Between(1, slowness));
            }
        }
    }

    private static ulong Terms(TrialCluster trial) => trial.Cluster.Running
        .SelectMany(static process => process.Replicas)
        .Aggregate(0UL, static (sum, replica) => sum + replica.Raft.Term.Value);
}
