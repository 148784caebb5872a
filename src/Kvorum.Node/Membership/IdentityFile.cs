using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Kvorum.Storage.Files;

namespace Kvorum.Node.Membership;

/// <summary>
/// <c>identity.json</c> in the data folder: whose folder it is, and what was fixed at the first start. A
/// folder of another node or cluster is refused before anything in it is touched.
/// </summary>
internal sealed partial record IdentityFile
{
    private const string Name = "identity.json";
    private const int FormatVersion = 1;

    public required int Version { get; init; }

    public required Guid NodeId { get; init; }

    public required Guid ClusterId { get; init; }

    public required string NodeName { get; init; }

    public required int PartitionCount { get; init; }

    public required int ReplicationFactor { get; init; }

    public required int VirtualNodes { get; init; }

    [JsonSerializable(typeof(IdentityFile))]
    [JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
    private sealed partial class Json : JsonSerializerContext;

    /// <summary>
    /// Writes the file at the first start; later, refuses a folder that is not this node's.
    /// </summary>
    public static void Check(NodeOptions options, NodeWorld world)
    {
        var own = Of(options);
        if (!world.Files.Exists(Name))
        {
            if (world.Files.ListFolders("").Any(folder => folder is "log" or "trees"))
                throw new NodeStartException($"the data folder holds data but no {Name}: it is not whole. Move it away, or bring the file back.");
            Write(world.Files, own);
            return;
        }

        var found = Read(world.Files);
        if (found.Version != FormatVersion)
            throw new NodeStartException($"{Name} has format {found.Version}, this program knows {FormatVersion}: start the version that wrote it");
        if (found.NodeId != own.NodeId)
            throw new NodeStartException($"the data folder belongs to node {found.NodeName} ({found.NodeId}), not to {own.NodeName} ({own.NodeId}): give --data another folder, or --id its name");
        Same("--partitions", found.PartitionCount, own.PartitionCount);
        Same("--replication-factor", found.ReplicationFactor, own.ReplicationFactor);
        Same("--virtual-nodes", found.VirtualNodes, own.VirtualNodes);
        if (found.ClusterId != own.ClusterId)
            throw new NodeStartException($"the data folder belongs to cluster {found.ClusterId}, --peers makes cluster {own.ClusterId}: start with the same members as the first time, or give --data another folder");
    }

    private static IdentityFile Of(NodeOptions options) => new()
    {
        Version = FormatVersion,
        NodeId = ClusterIdentity.ToGuid(options.Self.Id.Value),
        ClusterId = ClusterIdentity.ToGuid(options.Self.ClusterId),
        NodeName = options.Self.Name,
        PartitionCount = options.PartitionCount,
        ReplicationFactor = options.ReplicationFactor,
        VirtualNodes = options.VirtualNodes,
    };

    private static void Same(string flag, int first, int now)
    {
        if (first != now)
            throw new NodeStartException($"{flag} is {now}, but was {first} at this node's first start and cannot be changed: give {flag} {first}");
    }

    private static IdentityFile Read(IFileSystem files)
    {
        using var file = files.Open(Name, forWriting: false);
        var bytes = new byte[Math.Min(file.Length, 64 << 10)];
        var length = file.Read(0, bytes);
        try
        {
            return JsonSerializer.Deserialize(bytes.AsSpan(0, length), Json.Default.IdentityFile) ?? throw new JsonException("it is empty");
        }
        catch (JsonException e)
        {
            throw new NodeStartException($"{Name} in the data folder cannot be read: {e.Message} Bring it back from a copy, or replace the node.");
        }
    }

    // Written beside and renamed: it is there whole or not at all.
    private static void Write(IFileSystem files, IdentityFile identity)
    {
        const string part = Name + ".part";
        if (files.Exists(part))
            files.Delete(part);
        using (var file = files.Create(part))
        {
            file.Write(0, Encoding.UTF8.GetBytes(JsonSerializer.Serialize(identity, Json.Default.IdentityFile)));
            file.Sync();
        }

        files.Rename(part, Name);
        files.SyncFolder("");
    }
}
