using Kvorum.Cli.CommandLine;
using Kvorum.Protocol;

namespace Kvorum.Cli.Bench;

/// <summary>What is measured, and how.</summary>
internal sealed record BenchOptions
{
    /// <summary>Workloads by name.</summary>
    public static readonly string[] Workloads = ["put", "get", "mixed"];

    /// <summary>So many fit into keys of 16 digits, the default size.</summary>
    public const long KeysMax = 10_000_000_000_000_000;

    public string Workload { get; init; } = "put";

    public IReadOnlyList<string> Addresses { get; init; } = ["127.0.0.1:50051"];

    public string Keyspace { get; init; } = KeyspaceName.Default;

    public int KeySize { get; init; } = 16;

    public int ValueSize { get; init; } = 256;

    public int Clients { get; init; } = 64;

    public int Connections { get; init; } = 1;

    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan Warmup { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);

    public long Keys { get; init; } = 100_000;

    /// <summary>How keys are drawn: uniform, sequential or zipf.</summary>
    public string Distribution { get; init; } = "uniform";

    public double ReadRatio { get; init; } = 0.5;

    public ReadConsistency Consistency { get; init; }

    public bool Fill { get; init; }

    public bool Json { get; init; }

    /// <summary>How long a step of the timeline is; zero: none is kept.</summary>
    public TimeSpan Timeline { get; init; }

    public Client.KvorumTls? Tls { get; init; }

    /// <summary>What is shown beside a certificate; null for nothing.</summary>
    public Client.KvorumCredential? Credential { get; init; }

    /// <summary>The share of reads, 0 to 1.</summary>
    public double Reads => Workload switch { "put" => 0, "get" => 1, _ => ReadRatio };

    /// <summary>What is wrong with the options: flag, value, remedy. None if they make sense.</summary>
    public IEnumerable<string> Mistakes()
    {
        if (!Workloads.Contains(Workload))
            yield return Flag.Mistake("workload", Workload, $"give {string.Join(" or ", Workloads)}");
        if (Addresses.Count == 0)
            yield return Flag.Mistake("--addr", "", Address.Wanted);
        foreach (var address in Addresses.Where(static address => Address.WhyWrong(address) is not null))
            yield return Flag.Mistake("--addr", address, Address.WhyWrong(address)!);
        if (Keyspace.Length is 0 or > Limits.KeyspaceBytesMax)
            yield return Flag.Mistake(
                "--keyspace", Keyspace, $"give 1 to {Limits.KeyspaceBytesMax} characters");
        if (KeySize is < 1 or > Limits.KeyBytesMax)
            yield return Flag.Mistake("--key-size", KeySize, $"give 1 to {Limits.KeyBytesMax} bytes");
        else if (BenchKeys.DigitsFor(Keys) > KeySize)
            yield return Flag.Mistake(
                "--key-size", KeySize, $"{Keys} keys take {BenchKeys.DigitsFor(Keys)} bytes at least");
        if (ValueSize is < 0 or > Limits.ValueBytesCeiling)
            yield return Flag.Mistake("--value-size", ValueSize,
                $"give 0 to {Limits.ValueBytesCeiling} bytes");
        if (Clients is < 1 or > 65_536)
            yield return Flag.Mistake("--clients", Clients, "give 1 to 65536");
        if (Connections is < 1 or > 1024)
            yield return Flag.Mistake("--connections", Connections, "give 1 to 1024");
        if (Duration < TimeSpan.FromMilliseconds(100) || Duration > TimeSpan.FromDays(1))
            yield return Flag.Mistake("--duration", new Duration(Duration), "give 100ms to 24h");
        if (Warmup < TimeSpan.Zero || Warmup > TimeSpan.FromHours(1))
            yield return Flag.Mistake("--warmup", new Duration(Warmup), "give 0s to 1h");
        if (Timeline != TimeSpan.Zero && Timeline < TimeSpan.FromMilliseconds(10))
            yield return Flag.Mistake("--timeline", new Duration(Timeline), "give 10ms or more, or 0s: none");
        if (Timeline != TimeSpan.Zero && (Warmup + Duration) / Timeline > BenchTimeline.StepsMax)
            yield return Flag.Mistake(
                "--timeline", new Duration(Timeline), $"give at most {BenchTimeline.StepsMax} steps");
        // All of them are written, or summed up, one by one.
        var keysMax = Fill || Distribution == "zipf" ? KeyPicker.ZipfKeysMax : KeysMax;
        if (Keys < 1 || Keys > keysMax)
            yield return Flag.Mistake("--keys", Keys, $"give 1 to {keysMax}");
        if (!(ReadRatio is >= 0 and <= 1))
            yield return Flag.Mistake("--read-ratio", ReadRatio, "give 0 to 1");
    }
}
