using Kvorum.Node.State;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Membership;

/// <summary>
/// Birth records in the log: states of groups that no replica has, one for each replica, so the log keeps
/// them for ever. Little endian.
/// <code>
/// birth = version:u8 (2) keyspace:u32 partition:u32 name mode index:u64 configuration      1 had no index
///         group 1073741824 + that of the replica; configuration as in ConfigurationCodec
/// text  = length:u32 UTF-8
/// </code>
/// </summary>
internal static class BirthRecords
{
    private const uint First = GroupId.MaxValue + 1;
    private const byte Version = 2;

    /// <summary>The group of the log that has the birth record of a group.</summary>
    public static uint LogGroupOf(GroupId group) => First + group.Value;

    /// <summary>The group whose birth record a group of the log has; null if it has none.</summary>
    public static GroupId? GroupOf(uint logGroup) =>
        logGroup >= First && logGroup - First <= GroupId.MaxValue ? new(logGroup - First) : null;

    /// <summary>Writes a birth record.</summary>
    public static void Add(LogBatch batch, GroupBirth birth, ByteWriter room)
    {
        room.Clear();
        room.U8(Version);
        room.U32(birth.KeyspaceId.Value);
        room.U32(birth.Partition.Value);
        room.Text32(birth.Keyspace);
        room.Text32(birth.Mode);
        room.U64(birth.At.Value);
        ConfigurationCodec.Encode(birth.First, room);
        batch.SetState(LogGroupOf(birth.Group), room.Written);
    }

    /// <summary>Reads a birth record.</summary>
    public static GroupBirth Read(GroupId group, ReadOnlySpan<byte> payload)
    {
        var from = new ByteReader(payload.ToArray());
        if (from.U8() is var version and not Version)
        {
            throw new FormatException(
                $"an unknown birth record, version {version}: written by a newer version?");
        }

        var (keyspace, partition) = (new KeyspaceId(from.U32()), new PartitionId(from.U32()));
        var (name, mode, at) = (from.Text32(), from.Text32(), new LogIndex(from.U64()));
        var first = ConfigurationCodec.DecodeConfiguration(from.Rest().Span);
        var birth = new GroupBirth(group, keyspace, name, partition, mode, first) { At = at };
        return birth.Mode is KeyspaceSettings.Strong or KeyspaceSettings.QuorumMode
            ? birth : throw new FormatException(
                $"a replica of the unknown mode '{birth.Mode}': written by a newer version?");
    }
}
