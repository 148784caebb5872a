using System.Globalization;
using Kvorum.Protocol;

namespace Kvorum.Cli.Bench;

/// <summary>What is measured, and how.</summary>
internal sealed record BenchOptions
{
    /// <summary>Workloads by name.</summary>
    public static readonly string[] Workloads = ["put", "get", "mixed"];

    /// <summary>Distributions by name.</summary>
    public static readonly string[] Distributions = ["uniform", "zipf"];

    /// <summary>Consistencies by name, as in <see cref="ReadConsistency"/>.</summary>
    public static readonly string[] Consistencies = ["linearizable", "lease", "stale"];

    public string Workload { get; init; } = "put";

    public IReadOnlyList<string> Addresses { get; init; } = ["127.0.0.1:50051"];

    public string Keyspace { get; init; } = "default";

    public int KeySize { get; init; } = 16;

    public int ValueSize { get; init; } = 256;

    public int Clients { get; init; } = 64;

    public int Connections { get; init; } = 1;

    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan Warmup { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    public long Keys { get; init; } = 100_000;

    public string Distribution { get; init; } = "uniform";

    public double ReadRatio { get; init; } = 0.5;

    public string Consistency { get; init; } = "linearizable";

    public bool Fill { get; init; }

    public bool Json { get; init; }

    /// <summary>The share of reads, 0 to 1.</summary>
    public double Reads => Workload switch { "put" => 0, "get" => 1, _ => ReadRatio };

    /// <summary>How fresh reads must be.</summary>
    public ReadConsistency ReadConsistency => (ReadConsistency)Array.IndexOf(Consistencies, Consistency);

    /// <summary>What is wrong with the options: flag, value, remedy. None if they make sense.</summary>
    public IEnumerable<string> Mistakes()
    {
        if (!Workloads.Contains(Workload))
            yield return Wrong("workload", Workload, $"give {Words(Workloads)}");
        if (Addresses.Count == 0)
            yield return Wrong("--addr", "", "give host:port, or several separated by commas");
        foreach (var address in Addresses.Where(address => !Client.KvorumClient.IsAddress(address)))
            yield return Wrong("--addr", address, "give host:port with a port from 1 to 65535");
        if (Keyspace.Length is 0 or > Limits.KeyspaceBytesMax)
            yield return Wrong("--keyspace", Keyspace, $"give 1 to {Limits.KeyspaceBytesMax} characters");
        if (KeySize is < 1 or > Limits.KeyBytesMax)
            yield return Wrong("--key-size", KeySize, $"give 1 to {Limits.KeyBytesMax} bytes");
        else if (BenchKeys.DigitsFor(Keys) > KeySize)
            yield return Wrong(
                "--key-size", KeySize, $"{Keys} keys take {BenchKeys.DigitsFor(Keys)} bytes at least");
        if (ValueSize is < 0 or > Limits.ValueBytesMax)
            yield return Wrong("--value-size", ValueSize, $"give 0 to {Limits.ValueBytesMax} bytes");
        if (Clients is < 1 or > 65_536)
            yield return Wrong("--clients", Clients, "give 1 to 65536");
        if (Connections is < 1 or > 1024)
            yield return Wrong("--connections", Connections, "give 1 to 1024");
        if (Duration < TimeSpan.FromMilliseconds(100) || Duration > TimeSpan.FromDays(1))
            yield return Wrong("--duration", Duration, "give 100ms to 24h");
        if (Warmup < TimeSpan.Zero || Warmup > TimeSpan.FromHours(1))
            yield return Wrong("--warmup", Warmup, "give 0s to 1h");
        if (Timeout < TimeSpan.FromMilliseconds(1) || Timeout > TimeSpan.FromHours(1))
            yield return Wrong("--timeout", Timeout, "give 1ms to 1h");
        if (Keys is < 1 or > 100_000_000)
            yield return Wrong("--keys", Keys, "give 1 to 100000000");
        if (!Distributions.Contains(Distribution))
            yield return Wrong("--distribution", Distribution, $"give {Words(Distributions)}");
        if (!(ReadRatio is >= 0 and <= 1))
            yield return Wrong("--read-ratio", ReadRatio, "give 0 to 1");
        if (!Consistencies.Contains(Consistency))
            yield return Wrong("--consistency", Consistency, $"give {Words(Consistencies)}");
    }

    private static string Words(string[] words) => string.Join(" or ", words);

    private static string Wrong(string flag, object value, string remedy) =>
        string.Create(CultureInfo.InvariantCulture, $"{flag} '{value}': {remedy}");
}
