using System.Globalization;
using Kvorum.Node;
using Kvorum.Node.State;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Trials;

// Theorem. Whatever ends a leadership (the process is killed, its machine loses power or is cut off, it is
// paused), the others have a leader within a few election timeouts: votes may split, but not for ever.

/// <summary>Elections by the thousand: how long they take, and how many terms.</summary>
/// <param name="Count">Elections held.</param>
/// <param name="LongestMs">The longest time without a leader.</param>
/// <param name="LongestTimeouts">The same, in greatest election timeouts.</param>
/// <param name="MostTerms">Most terms that one took: 1 if the first vote decided.</param>
/// <param name="InOneTerm">Elections that the first vote decided.</param>
internal sealed record Elections(
    int Count, double LongestMs, double LongestTimeouts, ulong MostTerms, int InOneTerm)
{
    /// <summary>Greatest election timeouts within which each must end.</summary>
    public const int TimeoutsAllowed = 5;

    private const int PerCluster = 25;
    private static readonly GroupId Group = new(1);

    /// <summary>
    /// Holds so many, in clusters drawn from the seed and those after it; throws if one did not end.
    /// </summary>
    public static Elections Hold(ulong seed, int count)
    {
        var all = new List<(double Ms, double Timeouts, ulong Terms)>();
        for (var cluster = seed; all.Count < count; cluster++)
            HoldIn(cluster, Math.Min(PerCluster, count - all.Count), all);
        return new(
            all.Count, all.Max(one => one.Ms), all.Max(one => one.Timeouts), all.Max(one => one.Terms),
            all.Count(one => one.Terms == 1));
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Count} elections, each ended in a leader: {InOneTerm} by the first vote, "
            + $"at most after {MostTerms} terms; the longest took {LongestMs:0} ms, "
            + $"{LongestTimeouts:0.00} of the greatest election timeout");

    private static void HoldIn(ulong seed, int count, List<(double Ms, double Timeouts, ulong Terms)> all)
    {
        var random = new RandomStream(seed, "elections");
        var least = (int)random.Between(300, 1500);
        var options = new ClusterOptions
        {
            Nodes = random.Pick([3, 3, 4, 5]),
            Partitions = 1,
            ReplicationFactor = 5,
            HeartbeatMs = least / 10,
            ElectionMinMs = least,
            // Narrow ranges too: those split votes.
            ElectionMaxMs = (int)(least * random.Between(13, 20) / 10),
            LeaseReads = random.Chance(0.5),
        };
        var trial = new TrialCluster(seed, options);
        for (var n = 0; n < count; n++)
            all.Add(HoldOne(trial, options.ElectionMaxMs));
    }

    private static (double Ms, double Timeouts, ulong Terms) HoldOne(TrialCluster trial, int timeoutMs)
    {
        trial.UntilReady(Group);
        // A group at rest needs no leader, and takes its time to notice that it has none: this one is awake.
        trial.Wait(trial.Random.Between(0, 500_000));
        trial.Until(60_000_000, () => trial.LeaderOf(Group) is not null, "there is a leader");
        var awake = trial.LeaderOf(Group)!.Value.Replica;
        awake.Propose(CommandCodec.EncodeAdvanceTime(awake.Machine.LogTimeMs));
        trial.Wait(trial.Random.Between(30_000, 150_000));
        trial.Until(60_000_000, () => trial.LeaderOf(Group) is not null, "there is a leader");
        var (machine, replica) = trial.LeaderOf(Group)!.Value;
        var term = replica.Raft.Term;
        var mend = EndLeadership(trial, machine);
        var us = trial.Until(
            TimeoutsAllowed * timeoutMs * 1000L,
            () => trial.LeaderOf(Group) is { } next
                && next.Machine != machine && next.Replica.Raft.Term > term,
            "there is another leader");
        var terms = trial.LeaderOf(Group)!.Value.Replica.Raft.Term.Value - term.Value;
        mend();
        return (us / 1e3, us / 1e3 / timeoutMs, terms);
    }

    // Returns what makes it well again.
    private static Action EndLeadership(TrialCluster trial, Machine machine)
    {
        var (network, others) = (trial.Cluster.Network, trial.Cluster.Machines.Where(one => one != machine));
        switch (trial.Random.Below(4))
        {
            case 0:
                machine.Kill(FaultKind.ProcessCrash);
                machine.StartAfter(60_000_000);
                return () => machine.StartAfter(0);
            case 1:
                machine.LosePower(FaultKind.PowerLoss);
                machine.StartAfter(60_000_000);
                return () => machine.StartAfter(0);
            case 2:
                machine.Process!.PausedUntilUs = trial.World.NowUs
                    + ((TimeoutsAllowed + 1) * trial.Cluster.Options.ElectionMaxMs * 1000L);
                return static () => { };
            default:
                foreach (var other in others)
                {
                    network.Cut(machine.Index, other.Index);
                    network.Cut(other.Index, machine.Index);
                }

                return network.MendAll;
        }
    }
}
