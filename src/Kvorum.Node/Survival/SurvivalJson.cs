using System.Text.Json.Serialization;

namespace Kvorum.Node.Survival;

[JsonSerializable(typeof(Survivor))]
[JsonSerializable(typeof(RecoveryPlan))]
[JsonSerializable(typeof(AccessOrder))]
[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UseStringEnumConverter = true)]
internal sealed partial class SurvivalJson : JsonSerializerContext;
