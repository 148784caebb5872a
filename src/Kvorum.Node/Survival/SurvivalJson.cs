using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Kvorum.Node.Survival;

[JsonSerializable(typeof(Survivor))]
[JsonSerializable(typeof(RecoveryPlan))]
[JsonSerializable(typeof(AccessOrder))]
[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UseStringEnumConverter = true)]
internal sealed partial class SurvivalJson : JsonSerializerContext
{
    /// <summary>Reads a file; a <see cref="FormatException"/> says why it is none of that kind.</summary>
    /// <param name="json">Its content.</param>
    /// <param name="type">What it holds.</param>
    /// <param name="versionOf">The format that it says it has.</param>
    /// <param name="known">The format that this program knows.</param>
    /// <param name="what">What it should be, for people.</param>
    /// <param name="remedy">What is to be done with this program where the formats differ.</param>
    public static T Parse<T>(
        ReadOnlySpan<byte> json, JsonTypeInfo<T> type, Func<T, int> versionOf, int known, string what,
        string remedy)
    {
        try
        {
            var found = JsonSerializer.Deserialize(json, type) ?? throw new JsonException("it is empty");
            return versionOf(found) == known ? found : throw new FormatException(
                $"it has format {versionOf(found)}, this program knows {known}: {remedy} with this "
                + "version of the program");
        }
        catch (JsonException e)
        {
            throw new FormatException($"it is no {what}: {e.Message}", e);
        }
    }
}
