using System.Globalization;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Placement;

/// <summary>
/// Which groups there are: the one place that knows of which keyspace and partition a group is, which loop
/// owns it, and what it is called in messages. Immutable, and replaced as a whole. Any thread.
/// </summary>
internal sealed class GroupDirectory
{
    private static readonly KeyspaceGroups OfMetadata =
        new(KeyspaceId.System, KeyspaceName.System, GroupId.Metadata, 1);

    // In the order of their groups, the metadata group's first.
    private readonly KeyspaceGroups[] _keyspaces;

    /// <param name="keyspaces">The keyspaces beside the metadata group's.</param>
    public GroupDirectory(IEnumerable<KeyspaceGroups> keyspaces)
    {
        _keyspaces = [OfMetadata, .. keyspaces.OrderBy(static keyspace => keyspace.First)];
        for (var i = 1; i < _keyspaces.Length; i++)
        {
            var before = _keyspaces[i - 1];
            Invariant.Check(
                _keyspaces[i].First.Value >= before.First.Value + before.Count,
                "two keyspaces share a group");
        }
    }

    /// <summary>The keyspaces that clients can reach, in the order of their groups.</summary>
    public IEnumerable<KeyspaceGroups> Keyspaces => _keyspaces.Skip(1);

    /// <summary>All groups, ascending: the metadata group first.</summary>
    public IEnumerable<GroupId> Groups => _keyspaces.SelectMany(static keyspace => keyspace.All);

    /// <summary>The groups of a keyspace; null if there is none of that name.</summary>
    public KeyspaceGroups? Keyspace(string name)
    {
        for (var i = 1; i < _keyspaces.Length; i++)
        {
            if (_keyspaces[i].Name == name)
                return _keyspaces[i];
        }

        return null;
    }

    /// <summary>The keyspace that a group belongs to; null if no keyspace has it.</summary>
    public KeyspaceGroups? KeyspaceOf(GroupId group)
    {
        foreach (var keyspace in _keyspaces)
        {
            if (keyspace.Has(group))
                return keyspace;
        }

        return null;
    }

    /// <summary>The partition of a group within its keyspace; 0 if no keyspace has it.</summary>
    public PartitionId PartitionOf(GroupId group) => KeyspaceOf(group)?.PartitionOf(group) ?? default;

    /// <summary>What messages call a group.</summary>
    public string NameOf(GroupId group) => KeyspaceOf(group) is { } keyspace
        ? NameOf(keyspace.Name, keyspace.PartitionOf(group))
        : string.Create(CultureInfo.InvariantCulture, $"group {group}");

    /// <summary>What messages call a partition of a keyspace.</summary>
    public static string NameOf(string keyspace, PartitionId partition) => keyspace switch
    {
        KeyspaceName.System => "the metadata group",
        KeyspaceName.Default => $"partition {partition}",
        _ => $"partition {partition} of keyspace '{keyspace}'",
    };

    /// <summary>The index of the loop that owns a group, of so many loops.</summary>
    public static int LoopOf(GroupId group, int loops) => (int)(group.Value % (uint)loops);
}
