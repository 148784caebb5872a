using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Kvorum.Protocol;
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

    private const int FormatVersion = 2;

    private readonly SortedDictionary<NodeId, UInt128> _incarnations;

    private KnownMembers(SortedDictionary<NodeId, UInt128> incarnations) => _incarnations = incarnations;

    [JsonSerializable(typeof(Content))]
    [JsonSourceGenerationOptions(
        WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
    private sealed partial class MembersJson : JsonSerializerContext;

    private sealed record Content(int Version, IReadOnlyList<Member> Members, string Checksum);

    private sealed record Member(Guid NodeId, Guid Incarnation);

    /// <summary>The incarnation by which the member is known; null if it was never met.</summary>
    public UInt128? this[NodeId member] =>
        _incarnations.TryGetValue(member, out var incarnation) ? incarnation : null;

    /// <summary>Those by which members are known.</summary>
    public IEnumerable<UInt128> Incarnations => _incarnations.Values;

    /// <summary>How many are known.</summary>
    public int Count => _incarnations.Count;

    /// <summary>These and more. A known member stays known by its first folder.</summary>
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

            if (content.Checksum != ChecksumOf(content.Members))
                throw new JsonException("its checksum is wrong.");
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

    /// <summary>
    /// Throws if a member is missing, or known by another folder, that the log of this folder tells of.
    /// </summary>
    public void Check(IReadOnlyDictionary<NodeId, RememberedMember> inLog)
    {
        foreach (var (member, remembered) in inLog.OrderBy(static member => member.Key))
        {
            if (this[member] != remembered.Incarnation)
            {
                throw new NodeStartException($"{Name} in the data folder does not know member "
                    + $"{ClusterIdentity.ToGuid(member.Value)} by incarnation "
                    + $"{ClusterIdentity.ToGuid(remembered.Incarnation)}, and the log of this node does: the "
                    + "file is lost or was changed. Bring it back from a copy of this folder, of any age.");
            }
        }
    }

    private static string ChecksumOf(IReadOnlyList<Member> members) =>
        Convert.ToHexStringLower(SHA256.HashData(Utf8Text.Encode(Name, string.Concat(members.Select(
            static member => $"{member.NodeId} {member.Incarnation}\n")))).AsSpan(0, 8));

    /// <summary>Durable when it returns.</summary>
    public void Write(IFileSystem files)
    {
        Member[] members = [.. _incarnations.Select(known => new Member(
            ClusterIdentity.ToGuid(known.Key.Value), ClusterIdentity.ToGuid(known.Value)))];
        var content = new Content(FormatVersion, members, ChecksumOf(members));
        var json = JsonSerializer.SerializeToUtf8Bytes(content, MembersJson.Default.Content);
        WholeFile.Replace(files, Name, json);
    }
}
