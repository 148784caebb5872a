using Kvorum.Cli.CommandLine;

namespace Kvorum.Cli.Chaos;

/// <summary>How the cluster is loaded and what is done to it.</summary>
internal sealed record ChaosOptions
{
    /// <summary>Fault kinds by name.</summary>
    public static readonly string[] FaultNames = ["kill", "pause", "split"];

    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(30);

    public int Clients { get; init; } = 8;

    public int Keys { get; init; } = 6;

    public int Nodes { get; init; } = 3;

    /// <summary>Decides the faults and what clients do; their interleaving is the machine's.</summary>
    public int Seed { get; init; }

    public IReadOnlyList<string> Faults { get; init; } = FaultNames;

    /// <summary>Of 100 times that something is done, so many are of two faults that overlap.</summary>
    public int Overlap { get; init; } = 30;

    /// <summary>
    /// True for nodes that serve reads by lease, and clients that ask for it half of the time.
    /// </summary>
    public bool LeaseReads { get; init; }

    /// <summary>True for TLS at every listener, certificates for all, and rights enforced.</summary>
    public bool IsSecure { get; init; }

    public bool Keep { get; init; }

    public bool Json { get; init; }

    /// <summary>The fault kinds asked for.</summary>
    public IReadOnlyList<FaultKind> Kinds =>
        [.. Faults.Select(name => (FaultKind)Array.IndexOf(FaultNames, name)).Distinct()];

    /// <summary>What is wrong with the options: flag, value, remedy. None if they make sense.</summary>
    public IEnumerable<string> Mistakes()
    {
        if (Duration < TimeSpan.FromSeconds(1) || Duration > TimeSpan.FromMinutes(10))
            yield return Flag.Mistake("--duration", new Duration(Duration), "give 1s to 10m");
        if (Clients is < 1 or > 64)
            yield return Flag.Mistake("--clients", Clients, "give 1 to 64");
        if (Keys is < 1 or > 1000)
            yield return Flag.Mistake("--keys", Keys, "give 1 to 1000");
        if (Nodes is < 3 or > 9)
            yield return Flag.Mistake("--nodes", Nodes, "give 3 to 9");
        if (Seed < 0)
            yield return Flag.Mistake("--seed", Seed, "give a whole number from 0");
        foreach (var name in Faults.Where(name => !FaultNames.Contains(name)))
            yield return Flag.Mistake("--faults", name, $"give some of {string.Join(',', FaultNames)}");
        if (Faults.Count == 0)
            yield return Flag.Mistake("--faults", "", $"give some of {string.Join(',', FaultNames)}");
        if (Overlap is < 0 or > 100)
            yield return Flag.Mistake("--overlap", Overlap, "give 0 to 100");
        if (OperatingSystem.IsWindows() && Faults.Contains("pause"))
            yield return Flag.Mistake("--faults", "pause", "Windows has no SIGSTOP: leave it out");
    }
}
