using System.Text.Json;
using System.Text.Json.Serialization;
using Kvorum.Node;

namespace Kvorum.Server.Native;

/// <summary>A node's state as the JSON that native clients get.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(NodeStatus))]
internal sealed partial class NativeStatusJson : JsonSerializerContext
{
    public static byte[] Bytes(NodeStatus status) =>
        JsonSerializer.SerializeToUtf8Bytes(status, Default.NodeStatus);
}
