using System.Text.Json;
using System.Text.Json.Serialization;
using Kvorum.Raft;
using Kvorum.Storage.Files;

namespace Kvorum.Node.Membership;

/// <summary>
/// <c>identity.json</c> in the data folder: whose folder it is, with which nodes its cluster was founded, to
/// which cluster it belongs, and what was fixed at the first start. Later starts take all of that from here;
/// a folder of another node is refused before anything in it is touched.
/// </summary>
internal sealed partial record IdentityFile
{
    /// <summary>The name of the file.</summary>
    public const string Name = "identity.json";

    // 1: without incarnations; 2: with an entry of its own in the tree for each exactly-once record; 3: with
    // a log that did not know where it ended; 4: with a cluster id made of the members; 5: with members that
    // never changed. From 6 on each is one of the format versions.
    private const int BeforeFormats = 5;

    /// <summary>The format of the folder: the format version that the cluster had at last, plus 5.</summary>
    public required int Version { get; init; }

    /// <summary>The format version that the cluster had at last, as far as the folder knows.</summary>
    [JsonIgnore]
    public int Format => Version - BeforeFormats;

    public required Guid NodeId { get; init; }

    public required string NodeName { get; init; }

    /// <summary>The cluster's own id; null until its metadata group has told.</summary>
    public Guid? ClusterId { get; init; }

    /// <summary>By which founders nodes of a cluster know each other that has no id yet.</summary>
    public required Guid FoundingId { get; init; }

    /// <summary>
    /// The nodes that the cluster was founded with, or had when this one joined; this one included.
    /// </summary>
    public required IReadOnlyList<Founder> Founders { get; init; }

    /// <summary>
    /// The members as the metadata group has told last; null while they are the founders, and from a program
    /// of format version 1.
    /// </summary>
    public ToldMembers? Members { get; init; }

    /// <summary>The addresses where this node asks to join, or has asked; null for a founder.</summary>
    public IReadOnlyList<string>? Join { get; init; }

    public required int PartitionCount { get; init; }

    public required int ReplicationFactor { get; init; }

    public required int VirtualNodes { get; init; }

    /// <summary>This folder, told from any other that the node may have had.</summary>
    public Guid Incarnation { get; init; }

    /// <summary>
    /// True once enough others know the incarnation: the node votes and acknowledges since then.
    /// </summary>
    public bool Admitted { get; init; }

    /// <summary>
    /// What another member knows that the log of this folder lacks, with what to do; null if nothing. Such a
    /// folder never takes part again.
    /// </summary>
    public string? Lost { get; init; }

    /// <summary>
    /// The newest decision of an operator that the log of this folder counts although it lacks something, a
    /// random number; 0: none.
    /// </summary>
    public ulong Acceptance { get; init; }

    /// <summary>The plan of the last recovery that was applied to the folder; null if none was.</summary>
    public Guid? Recovery { get; init; }

    /// <summary>
    /// The ids that the cluster had before it was recovered, one for each time; null if it never was.
    /// </summary>
    public IReadOnlyList<Guid>? FormerClusters { get; init; }

    /// <summary>True if the node has founded its cluster, alone or with others.</summary>
    [JsonIgnore]
    public bool IsFounder => Join is null;

    /// <summary>True while the node has joined no cluster yet.</summary>
    [JsonIgnore]
    public bool IsJoining => !IsFounder && !Admitted;

    /// <summary>The node's id, as a number.</summary>
    [JsonIgnore]
    public NodeId Node => new(ClusterIdentity.ToUInt128(NodeId));

    /// <summary>To which cluster the node belongs, as far as the folder knows.</summary>
    public ClusterIds ClusterIds(NodeWorld world) => new(
        ClusterIdentity.ToUInt128(FoundingId),
        ClusterId is { } known ? ClusterIdentity.ToUInt128(known) : 0,
        ClusterIdentity.DrawCluster(
            ClusterIdentity.ToUInt128(Incarnation), world.RandomSeed, world.Time.GetUtcNow().UtcTicks));

    private sealed record Versioned(int Version);

    [JsonSerializable(typeof(IdentityFile))]
    [JsonSerializable(typeof(Versioned))]
    [JsonSourceGenerationOptions(
        WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    private sealed partial class Json : JsonSerializerContext;

    /// <summary>
    /// Writes the file at the first start; later, refuses a folder that is not this node's, or that is not
    /// whole.
    /// </summary>
    public static IdentityFile Open(NodeOptions options, NodeWorld world)
    {
        if (!world.Files.Exists(Name))
        {
            if (world.Files.ListFolders("").Any(folder => folder is "log" or "trees"))
                throw new NodeStartException($"the data folder holds data but no {Name}: it is not whole. Move it away, or bring the file back.");
            var made = Of(options, world);
            made.Write(world.Files);
            return made;
        }

        var found = Read(world.Files, options.Formats);
        found.Check(options);
        found.CheckLog(world.Files);
        return found;
    }

    /// <summary>What the folder says of itself. Changes nothing; throws if it cannot be told.</summary>
    public static IdentityFile Read(IFileSystem files) => Read(files, FormatRange.Own);

    private static IdentityFile Read(IFileSystem files, FormatRange formats)
    {
        try
        {
            var content = WholeFile.Read(files, Name);
            CheckVersion(JsonSerializer.Deserialize(content, Json.Default.Versioned)?.Version ?? 0, formats);
            var found = JsonSerializer.Deserialize(content, Json.Default.IdentityFile)
                ?? throw new JsonException("it is empty");
            return found.HasItself ? found : throw new JsonException("its founders lack the node itself.");
        }
        catch (Exception e) when (e is JsonException or (IOException and not DiskShortageException))
        {
            throw new NodeStartException($"{Name} in the data folder cannot be read: {e.Message} "
                + "Bring it back from a copy; without one replace the node (kvorum node replace): its peers "
                + "have the data.");
        }
    }

    /// <summary>Throws if the folder has taken part, and what it promised then is gone.</summary>
    public void CheckLog(IFileSystem files)
    {
        var hasLog = files.ListFiles("log").Any(static name => name.EndsWith(".log", StringComparison.Ordinal));
        if (Admitted && !hasLog)
        {
            throw new NodeStartException($"{Name} says that this data folder has taken part in the cluster, but "
                + "its log is gone, with votes and acknowledged writes in it. Restore the whole folder; do not "
                + "start the node without it.");
        }
    }

    /// <summary>Throws if the log and this file do not tell of the same recovery.</summary>
    public void CheckRecovery(UInt128 inLog)
    {
        var here = Recovery is { } plan ? ClusterIdentity.ToUInt128(plan) : 0;
        if (inLog == here)
            return;
        throw new NodeStartException(inLog != 0
            ? $"recovery {ClusterIdentity.ToGuid(inLog)} of the cluster was begun on this data folder and "
                + "not finished: run kvorum recover apply again, with the same plan"
            : $"{Name} says that recovery {Recovery} was applied to this data folder, and the log does not: "
                + "files of two times are in it. Restore the whole folder from a copy of it");
    }

    /// <summary>True if the cluster had this id before it was recovered.</summary>
    public bool WasCluster(UInt128 id) =>
        FormerClusters is { } former && id != 0 && former.Contains(ClusterIdentity.ToGuid(id));

    /// <summary>An operator takes the folder as it is. Durable when it returns.</summary>
    public void WriteAccepted(IFileSystem files, ulong decision) =>
        (this with { Lost = null, Acceptance = decision }).Write(files);

    private bool HasItself => Founders is not null && Founders.Any(founder => founder.NodeId == NodeId)
        && Members is null or { Nodes: not null };

    /// <summary>As the file is in a cluster of that format version.</summary>
    public IdentityFile In(int format) => this with { Version = format + BeforeFormats };

    private static void CheckVersion(int version, FormatRange formats)
    {
        var format = version - BeforeFormats;
        if (format > formats.Newest)
        {
            throw new NodeStartException($"{Name} has format {version}: the cluster of this data folder has "
                + $"format version {format}, and this program speaks {formats}. Start the newer kvorum that "
                + "the other nodes run: a folder does not go back to an older one");
        }

        if (format < formats.Lowest)
        {
            throw new NodeStartException($"{Name} has format {version}, and this program knows "
                + $"{formats.Lowest + BeforeFormats} to {formats.Newest + BeforeFormats}: start the version "
                + "that wrote it, or export the keys with its kvorum wal");
        }
    }

    private void Check(NodeOptions options)
    {
        var (id, name) = (ClusterIdentity.ToGuid(options.Self.Id.Value), options.Self.Name);
        if (NodeId != id || NodeName != name)
        {
            throw new NodeStartException($"the data folder belongs to node {NodeName} ({NodeId}), not to "
                + $"{name} ({id}): a node keeps its name. Give --data the folder of "
                + $"{name}, or an empty one for a new node; to start {NodeName}, give its name to "
                + "--id, or leave --id out");
        }

        if (!IsFounder)
            return;
        Same("--partitions", PartitionCount, options.PartitionCount);
        Same("--virtual-nodes", VirtualNodes, options.VirtualNodes);
    }

    private static IdentityFile Of(NodeOptions options, NodeWorld world)
    {
        var partitions = options.PartitionCount ?? NodeOptions.PartitionCountDefault;
        var virtualNodes = options.VirtualNodes ?? NodeOptions.VirtualNodesDefault;
        var moment = world.Time.GetUtcNow().UtcTicks;
        var isFounder = options.Join.Count == 0;
        // The id of a node that joins is as much its folder's own as the incarnation is.
        var id = isFounder
            ? options.Self.Id : ClusterIdentity.DrawNode(options.Self.Name, world.RandomSeed, moment);
        var founders = isFounder
            ? options.Members : [new(id, options.Self.Name, options.Self.PeerAddress)];
        return new()
        {
            Version = options.Formats.Lowest + BeforeFormats,
            NodeId = ClusterIdentity.ToGuid(id.Value),
            NodeName = options.Self.Name,
            FoundingId = ClusterIdentity.ToGuid(ClusterIdentity.FoundingOf(
                founders.Select(static member => member.Id), partitions, options.ReplicationFactor,
                virtualNodes)),
            Founders = [.. founders.OrderBy(static member => member.Id).Select(Founder.Of)],
            Join = isFounder ? null : options.Join,
            PartitionCount = partitions,
            ReplicationFactor = options.ReplicationFactor,
            VirtualNodes = virtualNodes,
            Incarnation = ClusterIdentity.ToGuid(
                ClusterIdentity.IncarnationOf(id, world.RandomSeed, moment)),
        };
    }

    private static void Same(string flag, int first, int? now)
    {
        if (now is not null && first != now)
            throw new NodeStartException($"{flag} is {now}, but was {first} at this node's first start and cannot be changed: give {flag} {first}");
    }

    /// <summary>Puts it in the place of what the folder said. Durable when it returns.</summary>
    public void Write(IFileSystem files) =>
        WholeFile.Replace(files, Name, JsonSerializer.SerializeToUtf8Bytes(this, Json.Default.IdentityFile));
}
