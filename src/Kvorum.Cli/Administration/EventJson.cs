using System.Text.Json.Serialization;
using Kvorum.Protocol;

namespace Kvorum.Cli.Administration;

/// <summary>How events are printed for scripts.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ClusterEvent))]
internal sealed partial class EventJson : JsonSerializerContext;
