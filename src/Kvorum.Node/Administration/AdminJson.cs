using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kvorum.Node.Administration;

/// <summary>
/// Requests and answers as JSON in UTF-8, the same on all wires. A request with a member that its kind does
/// not have is refused: a misspelt "dry_run" must not become a change.
/// </summary>
public static class AdminJson
{
    /// <summary>Bound of a request in bytes; a key in base64 is the most of it.</summary>
    public static int RequestBytesMax => (4 * Protocol.Limits.KeyBytesMax) + 4096;

    /// <summary>What the sender of a request is told that has more bytes than that.</summary>
    public static string TooLarge(int bytes) =>
        $"the request has {bytes} bytes; the limit is {RequestBytesMax}";

    /// <summary>A request as JSON.</summary>
    public static byte[] Encode(AdminRequest request) =>
        JsonSerializer.SerializeToUtf8Bytes(request, AdminRequestContext.Default.AdminRequest);

    /// <summary>An answer as JSON.</summary>
    public static byte[] Encode(AdminReply reply) =>
        JsonSerializer.SerializeToUtf8Bytes(reply, AdminReplyContext.Default.AdminReply);

    /// <summary>Reads a request; <see cref="FormatException"/> with words for its sender.</summary>
    public static AdminRequest DecodeRequest(ReadOnlySpan<byte> json)
    {
        if (json.Length > RequestBytesMax)
            throw new FormatException(TooLarge(json.Length));
        try
        {
            return JsonSerializer.Deserialize(json, AdminRequestContext.Default.AdminRequest)
                ?? throw new FormatException("the request is null");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new FormatException(
                $"the request is no administrative one that this version knows: {e.Message}", e);
        }
    }

    /// <summary>Reads an answer; <see cref="FormatException"/> if it is none.</summary>
    public static AdminReply DecodeReply(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, AdminReplyContext.Default.AdminReply)
                ?? throw new FormatException("the answer is null");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new FormatException($"the answer is malformed: {e.Message}", e);
        }
    }
}

/// <summary>Wishes by their names.</summary>
internal sealed class MemberWishJson() : JsonStringEnumConverter<MemberWish>(
    JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

/// <summary>How requests are written, and read strictly.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowOutOfOrderMetadataProperties = true,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(AdminRequest))]
internal sealed partial class AdminRequestContext : JsonSerializerContext;

/// <summary>How answers are written; what a newer version adds is passed over.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AdminReply))]
internal sealed partial class AdminReplyContext : JsonSerializerContext;
