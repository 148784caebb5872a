using Kvorum.Node.Placement;
using Kvorum.Node.Placement.Planning;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.State;

/// <summary>
/// The commands of the metadata group, and what its tree holds. Little endian.
/// <code>
/// command   = kind  1 member   time:u64 id:u128 member                  a founder, or news of any member
///           | kind  3 cluster  time:u64 id:u128
///           | kind  5 join     time:u64 id:u128 member
///           | kind  6 status   time:u64 id:u128 status:u8
///           | kind  7 keyspace time:u64 settings target{partitions}     kinds 2 and 4 had other placements
///           | kind  8 targets  time:u64 (group:u32 replaces:u64 target givesUp:u128 why){to the end}
///           | kind  9 limits   time:u64 limits
///           | kind 10 replicas time:u64 keyspace:u32 replicas:u32
///           | kind 11 drop     time:u64 keyspace:u32
///           | kind 12 health   time:u64 id:u128 isDown:u8
///           | kind 13 moving   time:u64 isMoving:u8
///           | kind 14 stages   time:u64 (group:u32 replaces:u64 stage:u8){to the end}       from format 2 on
///           | kind 15 format   time:u64 version:u16 id:u128{those that speak it, to the end}
///           | kind 16 recover  time:u64 cluster:u128 survivor:u128{to the end}     by kvorum recover
///           | kind 17 asked    time:u64 by:text command{to the end}              what an operator wanted
///           | kind 18 times    time:u64 keyspace:u32 isAllowed:u8       whether clients may give times
///           | kind 19 role     time:u64 role
///           | kind 20 no role  time:u64 name:text
///           | kind 21 user     time:u64 user
///           | kind 22 no user  time:u64 name:text                       and none of that user's keys
///           | kind 23 key      time:u64 key
///           | kind 24 no key   time:u64 id:text
///           | kind 25 enforce  time:u64 isOn:u8                         whether rights are enforced
///           | kind 26 token    time:u64 token                           for a node that is to join
///           | kind 27 no token time:u64 id:text
///           | kind 28 use      time:u64 id:text claimant:bytes          a node has shown the token
///           | kind 29 regain   time:u64 flags:u8 [user key]             by kvorum user recover
/// tree      = 'm' id:u128   -> member status:u8
///           | 'c'           -> cluster id:u128 [recovered at epoch:u64]
///           | 'k' id:u32    -> firstGroup:u32 epoch:u64 settings
///           | 'p' group:u32 -> epoch:u64 since:u64 target (node:u128 at:u64){moves given up}
///           | 'n'           -> keyspace:u32 group:u32    the numbers that come next
///           | 'e'           -> version:u64 epoch:u64     of all, and of the placement
///           | 'l'           -> limits
///           | 'd' id:u128   ->                           it was said that the member is down
///           | 'r'           -> isMoving:u8
///           | 'h' place:u64 -> event
///           | 's' group:u32 -> stage:u8 voters           the replicas of a quorum keyspace that change
///           | 'f'           -> version:u16               the active format version; 1 has no record
///           | 'o' name:text -> role
///           | 'u' name:text -> user
///           | 'a' id:text   -> key
///           | 'x'           -> isOn:u8                   whether rights are enforced; no record: no
///           | 'j' id:text   -> token
/// member    = name peerAddress clientAddress httpAddress zone weight:u32
/// settings  = name mode partitions:u32 replicas:u32 keyBytes:u32 valueBytes:u32 policy [quorum]
/// quorum    = write:u8 read:u8 flags:u8            if the mode is "quorum"; flags: 1 sloppy,
///                                                  2 clients may give a write its time
/// target    = voters learners, the preferred leader first
/// limits    = batch:u32 timeout:u64 moves:u32 attempts:u32 pause:u64 grace:u64 paused:u8 margin:u32
///             bytes:u64
/// event     = time:u64 kind:u8 member keyspace partition:u32 (4294967295: none) why before after [by]
///             by, if an operator asked for it, from format 2 on
/// role      = name:text count:u16 (keyspace:text prefix:bytes actions:u8){count}
/// user      = name:text isDisabled:u8 count:u16 role:text{count}
/// key       = id:text user:text hash:bytes created:u64 expires:u64
/// token     = id:text node:text proofHash:bytes sealed:bytes created:u64 expires:u64 claimant:bytes
/// before    = after = count:u32 text{count}
/// voters    = learners = count:u8 id:u128{count}
/// text      = length:u32 UTF-8                 bytes = length:u32 bytes
/// </code>
/// </summary>
internal static class MetaRecords
{
    public const byte MemberCommand = 1;
    public const byte ClusterCommand = 3;
    public const byte JoinCommand = 5;
    public const byte StatusCommand = 6;
    public const byte KeyspaceCommand = 7;
    public const byte TargetsCommand = 8;
    public const byte LimitsCommand = 9;
    public const byte ReplicasCommand = 10;
    public const byte DropCommand = 11;
    public const byte HealthCommand = 12;
    public const byte MovingCommand = 13;
    public const byte StagesCommand = 14;
    public const byte FormatCommand = 15;
    public const byte RecoverCommand = 16;
    public const byte AskedCommand = 17;
    public const byte ClientTimeCommand = 18;
    public const byte RoleCommand = 19;
    public const byte DropRoleCommand = 20;
    public const byte UserCommand = 21;
    public const byte DropUserCommand = 22;
    public const byte ApiKeyCommand = 23;
    public const byte DropKeyCommand = 24;
    public const byte EnforceCommand = 25;
    public const byte JoinTokenCommand = 26;
    public const byte DropTokenCommand = 27;
    public const byte UseTokenCommand = 28;
    public const byte RecoverAccessCommand = 29;

    public const byte Member = (byte)'m';
    public const byte Cluster = (byte)'c';
    public const byte Keyspace = (byte)'k';
    public const byte Placed = (byte)'p';
    public const byte NextNumbers = (byte)'n';
    public const byte Versions = (byte)'e';
    public const byte Limits = (byte)'l';
    public const byte Down = (byte)'d';
    public const byte Rebalancing = (byte)'r';
    public const byte Event = (byte)'h';
    public const byte Switch = (byte)'s';
    public const byte Format = (byte)'f';
    public const byte Role = (byte)'o';
    public const byte User = (byte)'u';
    public const byte ApiKey = (byte)'a';
    public const byte Enforced = (byte)'x';
    public const byte JoinToken = (byte)'j';
    private const uint NoPartition = uint.MaxValue;
    private const byte SloppyFlag = 1;
    private const byte ClientTimeFlag = 2;

    public static byte[] EncodeMember(NodeId id, MemberRecord member, ulong timeMs) =>
        EncodeMember(MemberCommand, id, member, timeMs);

    /// <summary>A node that joins; with what it speaks, from format version 2 on.</summary>
    public static byte[] EncodeJoin(NodeId id, MemberRecord member, ulong timeMs, FormatRange? formats = null)
    {
        var writer = new ByteWriter();
        writer.Raw(EncodeMember(JoinCommand, id, member, timeMs));
        if (formats is { } spoken)
            Write(writer, spoken);
        return writer.ToArray();
    }

    /// <summary>A newer format version for the cluster, which these members speak.</summary>
    public static byte[] EncodeFormat(int version, IEnumerable<NodeId> speakers, ulong timeMs)
    {
        var writer = Begin(FormatCommand, timeMs);
        writer.U16((ushort)version);
        foreach (var speaker in speakers)
            writer.U128(speaker.Value);
        return writer.ToArray();
    }

    public static void Write(ByteWriter into, FormatRange formats)
    {
        into.U16((ushort)formats.Lowest);
        into.U16((ushort)formats.Newest);
    }

    /// <summary>What a node speaks; one that does not say it speaks the first version only.</summary>
    public static FormatRange ReadFormats(ref ByteReader from) =>
        from.AtEnd ? FormatRange.OnlyFirst : new(from.U16(), from.U16());

    /// <summary>The format version that a kind of commands came with.</summary>
    public static int FormatOfCommand(byte kind) =>
        kind >= StagesCommand ? FormatRange.Quorums : FormatRange.First;

    /// <summary>The format version that a kind of records came with.</summary>
    public static int FormatOfRecord(byte kind) =>
        kind is Switch or Format or Role or User or ApiKey or Enforced or JoinToken ? FormatRange.Quorums
            : FormatRange.First;

    public static byte[] EncodeCluster(UInt128 id, ulong timeMs)
    {
        var writer = Begin(ClusterCommand, timeMs);
        writer.U128(id);
        return writer.ToArray();
    }

    public static byte[] EncodeRecovery(UInt128 cluster, IEnumerable<NodeId> survivors, ulong timeMs)
    {
        var writer = Begin(RecoverCommand, timeMs);
        writer.U128(cluster);
        foreach (var survivor in survivors)
            writer.U128(survivor.Value);
        return writer.ToArray();
    }

    /// <summary>A command, and by which means and from where an operator has asked for it.</summary>
    public static byte[] EncodeAsked(string by, byte[] command, ulong timeMs)
    {
        var writer = Begin(AskedCommand, timeMs);
        writer.Text32(by);
        writer.Raw(command);
        return writer.ToArray();
    }

    public static byte[] EncodeStatus(NodeId id, MemberStatus status, ulong timeMs)
    {
        var writer = Begin(StatusCommand, timeMs);
        writer.U128(id.Value);
        writer.U8((byte)status);
        return writer.ToArray();
    }

    public static byte[] EncodeKeyspace(
        KeyspaceSettings settings, IReadOnlyList<ReplicaTarget> placement, ulong timeMs)
    {
        var writer = Begin(KeyspaceCommand, timeMs);
        Write(writer, settings);
        foreach (var target in placement)
            Write(writer, target);
        return writer.ToArray();
    }

    public static byte[] EncodeTargets(IEnumerable<TargetChange> changes, ulong timeMs)
    {
        var writer = Begin(TargetsCommand, timeMs);
        foreach (var change in changes)
        {
            writer.Group(change.Group);
            writer.U64(change.Epoch.Value);
            Write(writer, change.Target);
            writer.U128(change.GivesUp?.Value ?? 0);
            writer.Text32(change.Reason.ToString().ToLowerInvariant());
        }

        return writer.ToArray();
    }

    public static byte[] EncodeLimits(PlannerSettings limits, ulong timeMs)
    {
        var writer = Begin(LimitsCommand, timeMs);
        Write(writer, limits);
        return writer.ToArray();
    }

    public static byte[] EncodeReplicas(KeyspaceId keyspace, int replicas, ulong timeMs)
    {
        var writer = Begin(ReplicasCommand, timeMs);
        writer.U32(keyspace.Value);
        writer.U32((uint)replicas);
        return writer.ToArray();
    }

    public static byte[] EncodeClientTime(KeyspaceId keyspace, bool isAllowed, ulong timeMs)
    {
        var writer = Begin(ClientTimeCommand, timeMs);
        writer.U32(keyspace.Value);
        writer.U8(isAllowed ? (byte)1 : (byte)0);
        return writer.ToArray();
    }

    public static byte[] EncodeDrop(KeyspaceId keyspace, ulong timeMs)
    {
        var writer = Begin(DropCommand, timeMs);
        writer.U32(keyspace.Value);
        return writer.ToArray();
    }

    public static byte[] EncodeHealth(NodeId id, bool isDown, ulong timeMs)
    {
        var writer = Begin(HealthCommand, timeMs);
        writer.U128(id.Value);
        writer.U8(isDown ? (byte)1 : (byte)0);
        return writer.ToArray();
    }

    public static byte[] EncodeRebalancing(bool isMoving, ulong timeMs)
    {
        var writer = Begin(MovingCommand, timeMs);
        writer.U8(isMoving ? (byte)1 : (byte)0);
        return writer.ToArray();
    }

    public static byte[] EncodeStages(
        IEnumerable<(GroupId Group, Epoch Replaces, ChangeStage Stage)> changes, ulong timeMs)
    {
        var writer = Begin(StagesCommand, timeMs);
        foreach (var (group, replaces, stage) in changes)
        {
            writer.Group(group);
            writer.U64(replaces.Value);
            writer.U8((byte)stage);
        }

        return writer.ToArray();
    }

    public static void Write(ByteWriter into, ReplicaSwitch change)
    {
        into.U8((byte)change.Stage);
        Write(into, change.Present);
    }

    public static ReplicaSwitch ReadSwitch(ref ByteReader from) =>
        new(ReadStage(ref from), ReadNodes(ref from));

    public static ChangeStage ReadStage(ref ByteReader from)
    {
        var stage = (ChangeStage)from.U8();
        return Enum.IsDefined(stage)
            ? stage : throw new FormatException($"there is no stage {(byte)stage} of a change of replicas");
    }

    public static void Write(ByteWriter into, ClusterEvent happened)
    {
        into.U64(happened.TimeMs);
        into.U8((byte)happened.Kind);
        into.Text32(happened.Member);
        into.Text32(happened.Keyspace);
        into.U32(happened.Partition ?? NoPartition);
        into.Text32(happened.Why);
        Write(into, happened.Before);
        Write(into, happened.After);
        if (happened.By.Length > 0)
            into.Text32(happened.By);
    }

    public static ClusterEvent ReadEvent(ulong position, ref ByteReader from)
    {
        var (time, kind) = (from.U64(), (ClusterEventKind)from.U8());
        var (member, keyspace, partition) = (from.Text32(), from.Text32(), from.U32());
        return new()
        {
            Position = position,
            TimeMs = time,
            Kind = kind,
            Member = member,
            Keyspace = keyspace,
            Partition = partition == NoPartition ? null : partition,
            Why = from.Text32(),
            Before = ReadTexts(ref from),
            After = ReadTexts(ref from),
            By = from.AtEnd ? "" : from.Text32(),
        };
    }

    public static void Write(ByteWriter into, MemberRecord member)
    {
        into.Text32(member.Name);
        into.Text32(member.PeerAddress);
        into.Text32(member.ClientAddress);
        into.Text32(member.HttpAddress);
        into.Text32(member.Zone);
        into.U32((uint)member.Weight);
    }

    public static MemberRecord ReadMember(ref ByteReader from) =>
        new(from.Text32(), from.Text32(), from.Text32(), from.Text32())
        {
            Zone = from.Text32(),
            Weight = from.Int("weight"),
        };

    public static MemberStatus ReadStatus(ref ByteReader from)
    {
        var status = (MemberStatus)from.U8();
        return Enum.IsDefined(status)
            ? status : throw new FormatException($"there is no status {(byte)status} of a member");
    }

    public static void Write(ByteWriter into, KeyspaceSettings settings)
    {
        into.Text32(settings.Name);
        into.Text32(settings.Mode);
        into.U32((uint)settings.PartitionCount);
        into.U32((uint)settings.ReplicationFactor);
        into.U32((uint)settings.KeyBytesMax);
        into.U32((uint)settings.ValueBytesMax);
        into.Text32(settings.KeyPolicy);
        if (settings.Mode != KeyspaceSettings.QuorumMode)
            return;
        var quorum = settings.Quorum ?? new(0, 0, IsSloppy: false);
        into.U8((byte)quorum.Write);
        into.U8((byte)quorum.Read);
        into.U8((byte)((quorum.IsSloppy ? SloppyFlag : 0) | (quorum.AllowsClientTime ? ClientTimeFlag : 0)));
    }

    public static KeyspaceSettings ReadSettings(ref ByteReader from)
    {
        var settings = new KeyspaceSettings(
            from.Text32(), from.Text32(), from.Int("partitions"), from.Int("replicas"),
            from.Int("bound of keys"), from.Int("bound of values"), from.Text32());
        return settings.Mode switch
        {
            KeyspaceSettings.Strong => settings,
            KeyspaceSettings.QuorumMode => settings with
            {
                Quorum = ReadQuorum(from.U8(), from.U8(), from.U8()),
            },
            _ => throw new FormatException(
                $"a keyspace of the unknown mode '{settings.Mode}': written by a newer version?"),
        };
    }

    private static QuorumNumbers ReadQuorum(byte write, byte read, byte flags) =>
        flags <= (SloppyFlag | ClientTimeFlag)
            ? new(write, read, (flags & SloppyFlag) != 0) { AllowsClientTime = (flags & ClientTimeFlag) != 0 }
            : throw new FormatException($"a quorum keyspace with flags {flags}: written by a newer version?");

    public static void Write(ByteWriter into, ReplicaTarget target)
    {
        Write(into, target.Voters);
        Write(into, target.Learners);
    }

    public static ReplicaTarget ReadTarget(ref ByteReader from) =>
        new(ReadNodes(ref from), ReadNodes(ref from));

    public static void Write(ByteWriter into, PlacedGroup placed)
    {
        into.U64(placed.Epoch.Value);
        into.U64(placed.SinceMs);
        Write(into, placed.Target);
        foreach (var move in placed.GivenUp)
        {
            into.U128(move.Node.Value);
            into.U64((ulong)move.AtMs);
        }
    }

    public static PlacedGroup ReadPlaced(ref ByteReader from)
    {
        var placed = new PlacedGroup(new(from.U64()), from.U64(), ReadTarget(ref from));
        var givenUp = new List<GivenUpMove>();
        while (!from.AtEnd)
            givenUp.Add(new(new(from.U128()), (long)from.U64()));
        return placed with { GivenUp = givenUp };
    }

    public static void Write(ByteWriter into, PlannerSettings limits)
    {
        into.U32((uint)limits.BatchSize);
        into.U64((ulong)limits.BatchTimeoutMs);
        into.U32((uint)limits.MovesMax);
        into.U32((uint)limits.RetryAttempts);
        into.U64((ulong)limits.GivenUpPauseMs);
        into.U64((ulong)limits.GraceMs);
        into.U8(limits.IsPaused ? (byte)1 : (byte)0);
        into.U32((uint)limits.MarginPercent);
        into.U64((ulong)limits.ReplicaBytes);
    }

    public static PlannerSettings ReadLimits(ref ByteReader from) => new()
    {
        BatchSize = from.Int("batch"),
        BatchTimeoutMs = (long)from.U64(),
        MovesMax = from.Int("moves"),
        RetryAttempts = from.Int("attempts"),
        GivenUpPauseMs = (long)from.U64(),
        GraceMs = (long)from.U64(),
        IsPaused = from.U8() != 0,
        MarginPercent = from.Int("margin"),
        ReplicaBytes = (long)from.U64(),
    };

    private static void Write(ByteWriter into, IReadOnlyList<string> texts)
    {
        into.U32((uint)texts.Count);
        foreach (var text in texts)
            into.Text32(text);
    }

    private static List<string> ReadTexts(ref ByteReader from)
    {
        var texts = new List<string>();
        for (var count = from.Int("texts"); count > 0; count--)
            texts.Add(from.Text32());
        return texts;
    }

    private static void Write(ByteWriter into, IReadOnlyList<NodeId> nodes)
    {
        into.U8(checked((byte)nodes.Count));
        foreach (var node in nodes)
            into.U128(node.Value);
    }

    private static NodeId[] ReadNodes(ref ByteReader from)
    {
        var nodes = new NodeId[from.U8()];
        for (var i = 0; i < nodes.Length; i++)
            nodes[i] = new(from.U128());
        return nodes;
    }

    private static byte[] EncodeMember(byte kind, NodeId id, MemberRecord member, ulong timeMs)
    {
        var writer = Begin(kind, timeMs);
        writer.U128(id.Value);
        Write(writer, member);
        return writer.ToArray();
    }

    /// <summary>What every command begins with.</summary>
    public static ByteWriter Begin(byte kind, ulong timeMs)
    {
        var writer = new ByteWriter();
        writer.U8(kind);
        writer.U64(timeMs);
        return writer;
    }
}
