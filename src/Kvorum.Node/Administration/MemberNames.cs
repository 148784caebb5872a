using System.Text.RegularExpressions;
using Kvorum.Node.Placement;
using Kvorum.Node.State;
using Kvorum.Raft;

namespace Kvorum.Node.Administration;

/// <summary>Between ids and what operators call members, keyspaces and partitions.</summary>
internal static partial class MemberNames
{
    private const string UuidPrefix = "node-";

    /// <summary>
    /// The member of this name, UUID, or "node-" and UUID; null if there is none. A member that is heard
    /// comes before one that is gone and had the same name.
    /// </summary>
    public static NodeId? Find(IReadOnlyDictionary<NodeId, MemberRecord> members, string name)
    {
        foreach (var (id, member) in members.OrderBy(static one => !one.Value.IsHeard))
        {
            if (member.Name.Length > 0 && member.Name == name)
                return id;
        }

        var uuid = name.StartsWith(UuidPrefix, StringComparison.Ordinal) ? name[UuidPrefix.Length..] : name;
        return Guid.TryParse(uuid, out var parsed)
            && new NodeId(ClusterIdentity.ToUInt128(parsed)) is var named && members.ContainsKey(named)
            ? named : null;
    }

    /// <summary>What a message calls a member.</summary>
    public static string Of(IReadOnlyDictionary<NodeId, MemberRecord> members, NodeId node) =>
        members.GetValueOrDefault(node) is { Name.Length: > 0 } member
            ? member.Name : $"{UuidPrefix}{ClusterIdentity.ToGuid(node.Value)}";

    /// <summary>The members that are not removed, for a message about one that is unknown.</summary>
    public static string Known(IReadOnlyDictionary<NodeId, MemberRecord> members) => string.Join(
        ", ", members.Where(static one => one.Value.Status != MemberStatus.Removed)
            .Select(one => Of(members, one.Key)).Order(StringComparer.Ordinal));

    /// <summary>
    /// A sentence of the planner, which knows numbers only, with the names of nodes, keyspaces and groups.
    /// </summary>
    public static string InWords(string text, MetaMachine state)
    {
        var directory = state.Directory;
        text = GroupNumber().Replace(text, match => uint.TryParse(match.Groups[1].Value, out var number)
            ? directory.NameOf(new GroupId(number)) : match.Value);
        text = KeyspaceNumber().Replace(text, match => uint.TryParse(match.Groups[1].Value, out var number)
            && state.Keyspaces.TryGetValue(new(number), out var keyspace)
            ? $"keyspace '{keyspace.Settings.Name}'" : match.Value);
        foreach (var id in state.Members.Keys)
            text = text.Replace(id.ToString(), Of(state.Members, id), StringComparison.Ordinal);
        return text;
    }

    /// <summary>The keyspace and the partition of a group.</summary>
    public static (string Keyspace, uint Partition) Of(GroupDirectory directory, GroupId group) =>
        directory.KeyspaceOf(group) is { } keyspace
            ? (keyspace.Name, keyspace.PartitionOf(group).Value) : ("", group.Value);

    [GeneratedRegex(@"\bgroup (\d+)\b")]
    private static partial Regex GroupNumber();

    [GeneratedRegex(@"\bkeyspace (\d+)\b")]
    private static partial Regex KeyspaceNumber();
}
