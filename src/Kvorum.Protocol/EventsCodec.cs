using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kvorum.Protocol;

/// <summary>
/// How native clients ask what happens in the cluster: an operator's request in JSON, which the node holds
/// until there is something to tell or the wait is over. Positions are the same on all nodes, so that each
/// question may go to another one.
/// </summary>
public static class EventsCodec
{
    /// <summary>
    /// How long clients and front ends let a node hold a question: what is lost without a word, a node or a
    /// client, is noticed after so long.
    /// </summary>
    public const long WaitMs = 5000;

    /// <summary>A question as JSON in UTF-8.</summary>
    /// <param name="after">The position behind which to begin; 0: the oldest event that is kept.</param>
    /// <param name="waitMs">How long to wait if there is none yet.</param>
    /// <param name="cluster">The cluster that the position is of; empty if it is not known.</param>
    public static byte[] Ask(ulong after, long waitMs, Guid cluster)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("action", "show_events");
            json.WriteNumber("after", after);
            json.WriteNumber("wait_ms", waitMs);
            if (cluster != Guid.Empty)
                json.WriteString("cluster_id", cluster);
            json.WriteEndObject();
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>The name of a kind on all wires.</summary>
    public static string NameOf(ClusterEventKind kind) =>
        JsonNamingPolicy.SnakeCaseLower.ConvertName(kind.ToString());

    /// <summary>
    /// Reads an answer; what a newer version adds is passed over. <see cref="FormatException"/> if it is
    /// none.
    /// </summary>
    public static EventsAnswer ReadAnswer(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, EventsContext.Default.EventsAnswer)
                ?? throw new FormatException("the answer is null");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new FormatException($"the answer is malformed: {e.Message}", e);
        }
    }
}

/// <summary>Statuses by the names that they have on all wires.</summary>
public sealed class ReplyStatusJson() : JsonStringEnumConverter<ReplyStatus>(
    JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false);

/// <summary>A kind that only a newer version knows is <see cref="ClusterEventKind.Unknown"/>.</summary>
internal sealed class EventKindOfAnyVersion : JsonConverter<ClusterEventKind>
{
    public override ClusterEventKind Read(
        ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var name = reader.GetString();
        foreach (var kind in Enum.GetValues<ClusterEventKind>())
        {
            if (EventsCodec.NameOf(kind) == name)
                return kind;
        }

        return ClusterEventKind.Unknown;
    }

    public override void Write(
        Utf8JsonWriter writer, ClusterEventKind value, JsonSerializerOptions options) =>
        writer.WriteStringValue(EventsCodec.NameOf(value));
}

/// <summary>How answers are read, and events written for scripts.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(ReplyStatusJson), typeof(EventKindOfAnyVersion)])]
[JsonSerializable(typeof(EventsAnswer))]
internal sealed partial class EventsContext : JsonSerializerContext;
