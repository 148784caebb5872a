using System.Globalization;
using Kvorum.Node.Survival;

namespace Kvorum.Cli.Offline;

/// <summary>What a plan of a recovery says to the operator who has to decide.</summary>
internal static class RecoverText
{
    /// <summary>The nodes that are given up, as --confirm wants them.</summary>
    public static string LostOf(RecoveryPlan plan) =>
        string.Join(',', plan.Lost.Select(static one => one.Called));

    /// <summary>What survives, what may be lost, and what to do next.</summary>
    public static IEnumerable<string> Lines(RecoveryPlan plan, string file)
    {
        var all = plan.Survivors.Count + plan.Lost.Count;
        yield return $"cluster {plan.OldCluster}: {plan.Survivors.Count} of {all} members survive";
        yield return $"survive:  {string.Join(", ", plan.Survivors.Select(static one => one.NodeName))}";
        yield return $"given up: {string.Join(", ", plan.Lost.Select(static one => one.Called))}, for good: "
            + "none of them may run again with the folder it had";
        foreach (var group in plan.Groups.Where(static group => !IsWhole(group)))
            yield return $"{NameOf(group),-18} {Line(plan, group)}";
        var kept = plan.Groups.Count(IsWhole);
        if (kept > 0)
            yield return $"{kept} partitions have a majority here: they lose nothing, and are not changed";
        yield return $"The plan is in {file}. Nothing was changed yet. To go on: make sure that no node "
            + "runs, copy the survivors' folders, and on each survivor run";
        yield return $"  kvorum recover apply --data FOLDER --plan FILE --confirm {LostOf(plan)}";
    }

    private static bool IsWhole(RecoveredGroup group) =>
        group.Fate == GroupFate.Kept && !(group.IsQuorum && group.MayLack);

    private static string NameOf(RecoveredGroup group) =>
        group.Group == 0 ? "metadata" : $"{group.Keyspace}/{group.Partition}";

    private static string Line(RecoveryPlan plan, RecoveredGroup group)
    {
        if (group.Fate == GroupFate.BeginsEmpty)
            return "no survivor has it: ALL ITS KEYS ARE LOST, and it begins anew";
        if (group.IsQuorum)
        {
            return $"{group.VotersLeft} of {group.Voters} replicas left, and go on with what they have. MAY "
                + "LACK writes of any time that were acknowledged by lost replicas alone";
        }

        var source = plan.Survivors.First(one => one.NodeId == group.Source).NodeName;
        var what = string.Create(
            CultureInfo.InvariantCulture,
            $"{group.VotersLeft} of {group.Voters} voters left; goes on from {source}, entry "
            + $"{group.LastIndex} of term {group.LastTerm} (known to be committed: {group.Commit})");
        var newest = group.CommittedMs == 0 ? "it"
            : DateTimeOffset.FromUnixTimeMilliseconds((long)group.CommittedMs).ToString(
                "yyyy-MM-dd HH:mm:ss.fff 'UTC'", CultureInfo.InvariantCulture);
        return group.MayLack
            ? $"{what}. MAY LACK writes that were acknowledged after {newest}"
            : $"{what}. No acknowledged write is missing";
    }
}
