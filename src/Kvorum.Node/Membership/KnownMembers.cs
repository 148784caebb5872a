using System.Text.Json;
using System.Text.Json.Serialization;
using Kvorum.Raft;
using Kvorum.Storage.Files;

namespace Kvorum.Node.Membership;

/// <summary>
/// <c>members.json</c> in the data folder: by which data folder (its incarnation) this node knows each other
/// member. The first one it ever met counts, for ever: that is what keeps a wiped disk from coming back under
/// its old id. Never changed; <see cref="With"/> makes another.
/// </summary>
internal sealed partial class KnownMembers
{
    /// <summary>The name of the file.</summary>
    public const string Name = "members.json";

    private const int FormatVersion = 1;

    private readonly SortedDictionary<NodeId, UInt128> _incarnations;

    private KnownMembers(SortedDictionary<NodeId, UInt128> incarnations) => _incarnations = incarnations;

    [JsonSerializable(typeof(Content))]
    [JsonSourceGenerationOptions(
        WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
    private sealed partial class MembersJson : JsonSerializerContext;

    private sealed record Content(int Version, IReadOnlyList<Member> Members);

    private sealed record Member(Guid NodeId, Guid Incarnation);

    /// <summary>The incarnation by which the member is known; null if it was never met.</summary>
    public UInt128? this[NodeId member] =>
        _incarnations.TryGetValue(member, out var incarnation) ? incarnation : null;

    /// <summary>How many are known.</summary>
    public int Count => _incarnations.Count;

    /// <summary>These and more. Nobody is ever known anew.</summary>
    public KnownMembers With(IEnumerable<KeyValuePair<NodeId, UInt128>> met)
    {
        var all = new SortedDictionary<NodeId, UInt128>(_incarnations);
        foreach (var (member, incarnation) in met)
            all.Add(member, incarnation);
        return new(all);
    }

    /// <summary>What the folder remembers. Throws if it cannot be told.</summary>
    public static KnownMembers Read(IFileSystem files)
    {
        try
        {
            if (!files.Exists(Name))
                return new([]);
            var content = JsonSerializer.Deserialize(WholeFile.Read(files, Name), MembersJson.Default.Content)
                ?? throw new JsonException("it is empty");
            if (content.Version != FormatVersion)
            {
                throw new NodeStartException($"{Name} has format {content.Version}, this program knows "
                    + $"{FormatVersion}: start the version that wrote it");
            }

            return new(new(content.Members.ToDictionary(
                member => new NodeId(ClusterIdentity.ToUInt128(member.NodeId)),
                member => ClusterIdentity.ToUInt128(member.Incarnation))));
        }
        catch (Exception e) when (e is JsonException or ArgumentException or IOException)
        {
            throw new NodeStartException($"{Name} in the data folder cannot be read: {e.Message} "
                + "Bring it back from a copy of this folder.");
        }
    }

    /// <summary>Durable when it returns.</summary>
    public void Write(IFileSystem files)
    {
        var content = new Content(FormatVersion, [.. _incarnations.Select(known => new Member(
            ClusterIdentity.ToGuid(known.Key.Value), ClusterIdentity.ToGuid(known.Value)))]);
        var json = JsonSerializer.SerializeToUtf8Bytes(content, MembersJson.Default.Content);
        WholeFile.Replace(files, Name, json);
    }
}
