using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kvorum.Benchmarks;

/// <summary>One line of output.</summary>
internal sealed record BenchmarkResult(string Name, int Threads, long Operations, double Seconds)
{
    /// <summary>Operations of all threads per second.</summary>
    public double PerSecond => Operations / Seconds;

    /// <summary>Median latency, where operations were timed one by one.</summary>
    public double? P50Microseconds { get; init; }

    /// <summary>Latency of the slowest hundredth.</summary>
    public double? P99Microseconds { get; init; }

    /// <summary>
    /// Processor time of the whole process per operation; of a fill, with flushes and compactions until
    /// nothing is left to do. Unlike rates it hardly tells of what else the machine does.
    /// </summary>
    public double? CpuMicroseconds { get; init; }

    /// <summary>Bytes of the process's memory per operation, where that is what was measured.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>Bytes written to the disk per byte of keys and values put in.</summary>
    public double? WriteAmplification { get; init; }

    /// <summary>Bytes on the disk per byte of keys and values that are there.</summary>
    public double? SpaceAmplification { get; init; }

    /// <summary>As one line of JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ResultJson.Default.BenchmarkResult);
}

/// <summary>Generated serializer.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(BenchmarkResult))]
internal sealed partial class ResultJson : JsonSerializerContext;
