using System.Text.Json.Serialization;

namespace Kvorum.Cli.Bench;

/// <summary>What a run has found. Times in milliseconds.</summary>
internal sealed record BenchResult(
    string Workload,
    int Clients,
    int Connections,
    int KeySize,
    int ValueSize,
    long Keys,
    string Distribution,
    double ReadRatio,
    string Consistency,
    double Seconds,
    long Operations,
    double Throughput,
    BenchLatency All,
    BenchLatency? Reads,
    BenchLatency? Writes,
    long NotFound,
    long Failed,
    SortedDictionary<string, long> Errors,
    double ClientCpuMicrosecondsPerOperation)
{
    /// <summary>
    /// What was done by the end of each step, warm-up included; null unless it was asked for.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<BenchStep>? Timeline { get; init; }
}

/// <summary>What a run has done by a moment.</summary>
/// <param name="UnixMs">The moment, in Unix milliseconds.</param>
/// <param name="Done">Operations that have succeeded since the beginning.</param>
/// <param name="Failed">Operations that have failed since the beginning.</param>
internal readonly record struct BenchStep(double UnixMs, long Done, long Failed);

/// <summary>How long operations took, in milliseconds.</summary>
internal sealed record BenchLatency(
    long Count, double Mean, double P50, double P90, double P99, double P999, double Max)
{
    /// <summary>From a histogram of nanoseconds; null if it is empty.</summary>
    public static BenchLatency? Of(LatencyHistogram times) => times.Count == 0
        ? null
        : new(
            times.Count,
            Math.Round(times.Mean / 1e6, 4),
            Ms(times.Percentile(50)),
            Ms(times.Percentile(90)),
            Ms(times.Percentile(99)),
            Ms(times.Percentile(99.9)),
            Ms(times.Max));

    private static double Ms(long nanoseconds) => Math.Round(nanoseconds / 1e6, 4);
}

/// <summary>A result as JSON on one line.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(BenchResult))]
internal sealed partial class BenchJson : JsonSerializerContext;
