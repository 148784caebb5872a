using System.Security.Cryptography;
using System.Text.Json;

namespace Kvorum.Server.Hosting;

/// <summary>
/// What a node is called that was given no --id: what its data folder says, else a new name, which the node
/// writes there.
/// </summary>
internal static class NodeName
{
    /// <summary>The name; reading never fails: the node itself says what is wrong with the folder.</summary>
    public static string For(ServerOptions options)
    {
        if (options.Id.Length > 0)
            return options.Id;
        string path = Path.Combine(options.DataFolder, "identity.json");
        try
        {
            using var identity = JsonDocument.Parse(File.ReadAllBytes(path));
            if (identity.RootElement.TryGetProperty("node_name", out var name)
                && name.GetString() is { Length: > 0 } known)
                return known;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException
            or JsonException or InvalidOperationException)
        {
        }

        return $"node-{RandomNumberGenerator.GetHexString(8, lowercase: true)}";
    }
}
