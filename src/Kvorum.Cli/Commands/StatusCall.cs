using System.Text.Json;
using System.Text.Json.Serialization;
using Kvorum.Client;
using Kvorum.Node;

namespace Kvorum.Cli.Commands;

/// <summary>Asks a node for its state.</summary>
internal static class StatusCall
{
    /// <summary>The state of the node at the address, and the JSON that it came as.</summary>
    public static async Task<(NodeStatus Status, string Json)> Ask(
        KvorumClient client, string address, CancellationToken cancel)
    {
        var bytes = await client.StatusAsync(address, cancel).ConfigureAwait(false);
        var status = JsonSerializer.Deserialize(bytes.Span, StatusJson.Default.NodeStatus);
        return (status ?? throw new FormatException("the node's status is empty"),
            System.Text.Encoding.UTF8.GetString(bytes.Span));
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(NodeStatus))]
internal sealed partial class StatusJson : JsonSerializerContext;
