using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kvorum.Cli.Chaos;

/// <summary>What a run came to.</summary>
internal sealed record ChaosReport
{
    public required bool Passed { get; init; }

    public required int Seed { get; init; }

    public required int Nodes { get; init; }

    public required double Seconds { get; init; }

    /// <summary>Operations by how they ended.</summary>
    public required SortedDictionary<string, int> Operations { get; init; }

    /// <summary>How often each kind of fault hit the cluster.</summary>
    public required SortedDictionary<string, int> Faults { get; init; }

    /// <summary>How often two faults lasted at the same time.</summary>
    public required int Overlaps { get; init; }

    /// <summary>How long the checks took.</summary>
    public required double CheckSeconds { get; init; }

    /// <summary>What is wrong; nothing if it passed.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>Data and logs; empty if they were not kept.</summary>
    public string Folder { get; init; } = "";

    /// <summary>One line of JSON.</summary>
    public string Json() => JsonSerializer.Serialize(this, ChaosJson.Default.ChaosReport);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ChaosReport))]
internal sealed partial class ChaosJson : JsonSerializerContext;
