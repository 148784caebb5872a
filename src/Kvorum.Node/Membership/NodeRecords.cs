using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Membership;

/// <summary>What a node remembers of another member.</summary>
/// <param name="Incarnation">The data folder by which it is known.</param>
/// <param name="Log">How far its log was durable, as it has said; life 0: it has said nothing yet.</param>
/// <param name="Acceptance">The newest decision of an operator about its log; 0: none.</param>
internal readonly record struct RememberedMember(UInt128 Incarnation, LogReach Log, ulong Acceptance = 0);

/// <summary>
/// What a node as a whole writes into its log: states of four groups that no replica has, so the newest ones
/// are kept for as long as there is a log. Little endian.
/// <code>
/// lives   = version:u8 (1) lives                                            group 4294967295; see LogLives
/// ceiling = version:u8 (1) time:u64         of the hybrid clock             group 4294967293
/// recover = version:u8 (1) plan:u128        the last recovery, by its plan  group 4294967292
/// members = version:u8 (1) count:u32 member{count}                          group 4294967294
/// member  = node:u128 incarnation:u128 life:u64 sequence:u64 acceptance:u64
/// </code>
/// </summary>
internal static class NodeRecords
{
    public const uint LivesGroup = uint.MaxValue;
    public const uint MembersGroup = uint.MaxValue - 1;
    public const uint CeilingGroup = uint.MaxValue - 2;
    public const uint RecoveryGroup = uint.MaxValue - 3;
    private const byte Version = 1;

    public static void AddRecovery(LogBatch batch, UInt128 plan)
    {
        var room = new ByteWriter();
        room.U8(Version);
        room.U128(plan);
        batch.SetState(RecoveryGroup, room.Written);
    }

    public static void Add(LogBatch batch, HybridTimestamp ceiling)
    {
        var room = new ByteWriter();
        room.U8(Version);
        room.U64(ceiling.Value);
        batch.SetState(CeilingGroup, room.Written);
    }

    public static void Add(LogBatch batch, LogLives lives, ByteWriter room)
    {
        room.Clear();
        room.U8(Version);
        lives.Encode(room);
        batch.SetState(LivesGroup, room.Written);
    }

    public static void Add(
        LogBatch batch, IReadOnlyDictionary<NodeId, RememberedMember> members, ByteWriter room)
    {
        room.Clear();
        room.U8(Version);
        room.U32((uint)members.Count);
        foreach (var (node, member) in members.OrderBy(static member => member.Key))
        {
            room.U128(node.Value);
            room.U128(member.Incarnation);
            room.U64(member.Log.Life);
            room.U64(member.Log.Sequence);
            room.U64(member.Acceptance);
        }

        batch.SetState(MembersGroup, room.Written);
    }

    public static HybridTimestamp ReadCeiling(ReadOnlySpan<byte> payload)
    {
        var from = Begin(payload);
        return new(from.U64());
    }

    public static UInt128 ReadRecovery(ReadOnlySpan<byte> payload)
    {
        var from = Begin(payload);
        return from.U128();
    }

    public static LogLives ReadLives(ReadOnlySpan<byte> payload)
    {
        var from = Begin(payload);
        return LogLives.Decode(ref from);
    }

    public static SortedDictionary<NodeId, RememberedMember> ReadMembers(ReadOnlySpan<byte> payload)
    {
        var from = Begin(payload);
        var members = new SortedDictionary<NodeId, RememberedMember>();
        for (var count = from.U32(); count > 0; count--)
            members.Add(new(from.U128()), new(from.U128(), new(from.U64(), from.U64()), from.U64()));
        return members;
    }

    private static ByteReader Begin(ReadOnlySpan<byte> payload)
    {
        var from = new ByteReader(payload.ToArray());
        return from.U8() is var version and not Version
            ? throw new FormatException(
                $"an unknown record of the node, version {version}: written by a newer version?")
            : from;
    }
}

/// <summary>
/// Takes what a node as a whole wrote, and the birth records, out of the replay of its log; the groups'
/// records go on, and here the log's bare numbers become groups. Used once.
/// </summary>
internal sealed class NodeReplay(IGroupReplay groups) : ILogReplay
{
    /// <summary>The lives of the log.</summary>
    public LogLives Lives { get; private set; } = LogLives.None;

    /// <summary>No version of a write at or above it was given; zero: none was given at all.</summary>
    public HybridTimestamp Ceiling { get; private set; }

    /// <summary>The plan of the last recovery that was applied to the log; 0: none was.</summary>
    public UInt128 Recovery { get; private set; }

    /// <summary>What is remembered of the other members.</summary>
    public IReadOnlyDictionary<NodeId, RememberedMember> Members { get; private set; } =
        new SortedDictionary<NodeId, RememberedMember>();

    /// <summary>The birth records of the replicas.</summary>
    public SortedDictionary<GroupId, GroupBirth> Births { get; } = [];

    /// <inheritdoc/>
    public void Entry(uint group, ulong index, ReadOnlySpan<byte> payload) =>
        groups.Entry(new(group), index, payload);

    /// <inheritdoc/>
    public void State(uint group, ReadOnlySpan<byte> payload)
    {
        if (group == NodeRecords.LivesGroup)
            Lives = NodeRecords.ReadLives(payload);
        else if (group == NodeRecords.MembersGroup)
            Members = NodeRecords.ReadMembers(payload);
        else if (group == NodeRecords.CeilingGroup)
            Ceiling = NodeRecords.ReadCeiling(payload);
        else if (group == NodeRecords.RecoveryGroup)
            Recovery = NodeRecords.ReadRecovery(payload);
        else if (BirthRecords.GroupOf(group) is { } born)
            Births[born] = BirthRecords.Read(born, payload);
        else
            groups.State(new(group), payload);
    }
}
