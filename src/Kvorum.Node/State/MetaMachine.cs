using System.Collections.Immutable;
using Kvorum.Node.Access;
using Kvorum.Node.Placement;
using Kvorum.Node.Placement.Planning;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.State;

/// <summary>
/// The state machine of the metadata group: the cluster id, the members, the keyspaces, on which nodes the
/// replicas of each group should be, and the limits of moves. It gives numbers to keyspaces and groups, none
/// of them twice. Its bytes: <see cref="MetaRecords"/>. Owned by the loop of the metadata group.
/// </summary>
internal sealed partial class MetaMachine : IStateMachine
{
    private readonly Tree _tree;
    private readonly IClusterFacts _facts;
    private readonly WriteBatch _batch = new();
    private readonly SortedDictionary<KeyspaceId, KeyspaceDefinition> _keyspaces = [];
    private ImmutableSortedDictionary<NodeId, MemberRecord> _members =
        ImmutableSortedDictionary<NodeId, MemberRecord>.Empty;

    private ImmutableSortedDictionary<GroupId, PlacedGroup> _placed =
        ImmutableSortedDictionary<GroupId, PlacedGroup>.Empty;

    private KeyspaceId _nextKeyspace;
    private GroupId _nextGroup;
    private Epoch _epoch;

    public MetaMachine(Tree tree, ulong logTimeMs, IClusterFacts facts)
    {
        (_tree, _facts) = (tree, facts);
        Reload(logTimeMs);
    }

    /// <inheritdoc/>
    public ulong LogTimeMs { get; private set; }

    /// <summary>The cluster's own id, which the first leader has drawn; 0: not yet.</summary>
    public UInt128 ClusterId { get; private set; }

    /// <summary>Grows with every change of the cluster state.</summary>
    public ulong Version { get; private set; }

    /// <inheritdoc/>
    public long KeyCount => _members.Count + _keyspaces.Count;

    /// <inheritdoc/>
    public long RemovedKeys => 0;

    /// <inheritdoc/>
    public ulong? DueMs => null;

    /// <inheritdoc/>
    public bool IsCheckpointDue { get; private set; }

    /// <summary>All that are or were members.</summary>
    public ImmutableSortedDictionary<NodeId, MemberRecord> Members => _members;

    /// <summary>The limits of moves.</summary>
    public PlannerSettings MoveLimits { get; private set; } = new();

    /// <summary>The keyspaces, by number.</summary>
    public IReadOnlyDictionary<KeyspaceId, KeyspaceDefinition> Keyspaces => _keyspaces;

    /// <summary>The number that the next keyspace gets.</summary>
    public KeyspaceId NextKeyspace => _nextKeyspace;

    /// <summary>On which nodes the replicas of each group should be.</summary>
    public ReplicaPlacement Placement => new(_epoch, _placed);

    /// <summary>Which groups there are.</summary>
    public GroupDirectory Directory => new(_keyspaces.Values.Select(static keyspace => keyspace.Groups));

    /// <summary>Which groups there are by the metadata group's tree.</summary>
    public static GroupDirectory DirectoryIn(Tree tree)
    {
        using var view = tree.OpenView();
        byte[] from = [MetaRecords.Keyspace], end = [MetaRecords.Keyspace + 1];
        return new([.. view.Scan(from, end).Select(static record => ReadKeyspace(record.Key, record.Value).Groups)]);
    }

    /// <inheritdoc/>
    public byte[] DueCommand(ulong timeMs) =>
        throw new InvalidOperationException("in the metadata group nothing is due by time");

    /// <summary>First the cluster id, then the default keyspace, and where members can be reached.</summary>
    public IReadOnlyList<byte[]> Lacking(ulong timeMs)
    {
        var commands = new List<byte[]>();
        if (ClusterId == 0)
            commands.Add(MetaRecords.EncodeCluster(_facts.ProposedClusterId, timeMs));
        var first = _facts.DefaultKeyspace;
        if (KeyspaceNamed(first.Name) is null)
            commands.Add(MetaRecords.EncodeKeyspace(first, _facts.Place(first), timeMs));
        foreach (var id in _facts.Ids)
        {
            if (_facts.Announcement(id) is { } member && Announced(id, member) is not null)
                commands.Add(MetaRecords.EncodeMember(id, member, timeMs));
        }

        return commands;
    }

    /// <inheritdoc/>
    public ReadAnswer Read(Request request, long valueBytesMax) =>
        throw new InvalidOperationException("the metadata group serves no keys");

    /// <inheritdoc/>
    public long AnswerBytes(WriteRequest write) =>
        throw new InvalidOperationException("the metadata group serves no keys");

    /// <inheritdoc/>
    public void Publish() => _facts.Publish(this);

    /// <inheritdoc/>
    public Outcome Apply(LogIndex index, ReadOnlyMemory<byte> command)
    {
        var from = new ByteReader(command);
        var kind = Begin(ref from);
        _by = "";
        if (kind == MetaRecords.AskedCommand && Knows(MetaRecords.FormatOfCommand(kind)))
        {
            _by = from.Text32();
            kind = Begin(ref from);
        }

        _batch.Clear();
        var changed = kind switch
        {
            _ when !Knows(MetaRecords.FormatOfCommand(kind)) => throw UnknownCommand(kind),
            MetaRecords.MemberCommand => Announce(new(from.U128()), MetaRecords.ReadMember(ref from)),
            MetaRecords.ClusterCommand => SetCluster(from.U128()),
            MetaRecords.JoinCommand => Join(
                new(from.U128()), MetaRecords.ReadMember(ref from), MetaRecords.ReadFormats(ref from)),
            MetaRecords.StatusCommand => SetStatus(new(from.U128()), MetaRecords.ReadStatus(ref from)),
            MetaRecords.KeyspaceCommand => AddKeyspace(Known(MetaRecords.ReadSettings(ref from)), ref from),
            MetaRecords.TargetsCommand => SetTargets(ref from),
            MetaRecords.LimitsCommand => SetLimits(MetaRecords.ReadLimits(ref from)),
            MetaRecords.ReplicasCommand => SetReplicas(new(from.U32()), from.Int("replicas")),
            MetaRecords.ClientTimeCommand => SetClientTime(new(from.U32()), from.U8() != 0),
            MetaRecords.DropCommand => Drop(new(from.U32())),
            MetaRecords.HealthCommand => SetHealth(new(from.U128()), from.U8() != 0),
            MetaRecords.MovingCommand => SetRebalancing(from.U8() != 0),
            MetaRecords.StagesCommand => SetStages(ref from),
            MetaRecords.RecoverCommand => Recover(from.U128(), ref from),
            MetaRecords.FormatCommand => SetFormat(from.U16(), ref from),
            MetaRecords.RoleCommand => SetRole(AccessCodec.ReadRole(ref from)),
            MetaRecords.DropRoleCommand => DropRole(from.Text32()),
            MetaRecords.UserCommand => SetUser(AccessCodec.ReadUser(ref from)),
            MetaRecords.DropUserCommand => DropUser(from.Text32()),
            MetaRecords.ApiKeyCommand => AddKey(AccessCodec.ReadKey(ref from)),
            MetaRecords.DropKeyCommand => DropKey(from.Text32()),
            MetaRecords.EnforceCommand => Enforce(from.Flag("mark of enforced rights")),
            MetaRecords.JoinTokenCommand => AddJoinToken(AccessCodec.ReadJoinToken(ref from)),
            MetaRecords.DropTokenCommand => DropJoinToken(from.Text32()),
            MetaRecords.UseTokenCommand => UseJoinToken(from.Text32(), from.Bytes32()),
            MetaRecords.RecoverAccessCommand => RecoverAccess(ref from),
            _ => throw UnknownCommand(kind),
        };
        if (changed)
        {
            Version++;
            Put(MetaRecords.Versions, static _ => { }, value =>
            {
                value.U64(Version);
                value.U64(_epoch.Value);
            });
        }

        _tree.Write(_batch, index.Value);
        return new(ReplyStatus.Ok, false, default, index.Value);
    }

    private byte Begin(ref ByteReader from)
    {
        var kind = from.U8();
        LogTimeMs = Math.Max(LogTimeMs, from.U64());
        return kind;
    }

    /// <inheritdoc/>
    public void Skip(LogIndex index)
    {
        _batch.Clear();
        _tree.Write(_batch, index.Value);
    }

    /// <inheritdoc/>
    public WriteBatch TakeUnflushed()
    {
        IsCheckpointDue = false;
        _batch.Clear();
        return _batch;
    }

    /// <inheritdoc/>
    public void Reload(ulong logTimeMs)
    {
        LogTimeMs = logTimeMs;
        _members = _members.Clear();
        _keyspaces.Clear();
        _placed = _placed.Clear();
        (MoveLimits, Access) = (new(), AccessTable.Empty);
        _events.Clear();
        _down.Clear();
        (IsRebalancing, _lastEvent) = (false, 0);
        (ClusterId, Version, _epoch, IsCheckpointDue) = (0, 0, default, false);
        ActiveFormat = FormatRange.First;
        (_nextKeyspace, _nextGroup) = (new(KeyspaceId.System.Value + 1), new(GroupId.Metadata.Value + 1));
        using var view = _tree.OpenView();
        var events = new List<ClusterEvent>();
        foreach (var (key, value) in view.Scan(default, default))
            Load(key, value, events);
        LoadHistory(events);
    }

    private void Load(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, List<ClusterEvent> events)
    {
        var name = new ByteReader(key[1..]);
        var from = new ByteReader(value);
        switch (key.Span[0])
        {
            case var kind when !Knows(MetaRecords.FormatOfRecord(kind)):
                throw UnknownRecord(kind);
            case MetaRecords.Member:
                var member = MetaRecords.ReadMember(ref from);
                _members = _members.SetItem(
                    new(name.U128()), member with { Status = MetaRecords.ReadStatus(ref from) });
                break;
            case MetaRecords.Cluster:
                ClusterId = from.U128();
                RecoveredAt = from.AtEnd ? default : new(from.U64());
                break;
            case MetaRecords.Keyspace:
                var keyspace = ReadKeyspace(key, value);
                _keyspaces[keyspace.Id] = keyspace;
                break;
            case MetaRecords.Placed:
                _placed = _placed.SetItem(name.Group(), MetaRecords.ReadPlaced(ref from));
                break;
            case MetaRecords.Switch:
                // Behind the target, in the order of the tree.
                var moving = name.Group();
                _placed = _placed.SetItem(
                    moving, _placed[moving] with { Switch = MetaRecords.ReadSwitch(ref from) });
                break;
            case MetaRecords.NextNumbers:
                (_nextKeyspace, _nextGroup) = (new(from.U32()), from.Group());
                break;
            case MetaRecords.Versions:
                (Version, _epoch) = (from.U64(), new(from.U64()));
                break;
            case MetaRecords.Down:
                _down.Add(new(name.U128()));
                break;
            case MetaRecords.Rebalancing:
                IsRebalancing = from.U8() != 0;
                break;
            case MetaRecords.Event:
                events.Add(MetaRecords.ReadEvent(name.U64(), ref from));
                break;
            case MetaRecords.Limits:
                MoveLimits = MetaRecords.ReadLimits(ref from);
                break;
            case MetaRecords.Format:
                ActiveFormat = Spoken(from.U16());
                break;
            case MetaRecords.Role or MetaRecords.User or MetaRecords.ApiKey or MetaRecords.Enforced
                or MetaRecords.JoinToken:
                LoadAccess(key.Span[0], ref from);
                break;
            default:
                throw UnknownRecord(key.Span[0]);
        }
    }

    private static KeyspaceDefinition ReadKeyspace(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value)
    {
        var name = new ByteReader(key[1..]);
        var from = new ByteReader(value);
        return new(new(name.U32()), from.Group(), new(from.U64()), MetaRecords.ReadSettings(ref from));
    }

    private bool SetCluster(UInt128 id)
    {
        // The first one stands.
        if (ClusterId != 0)
            return false;
        PutCluster(id);
        return true;
    }

    private void PutCluster(UInt128 id)
    {
        ClusterId = id;
        Put(MetaRecords.Cluster, static _ => { }, value =>
        {
            value.U128(id);
            if (RecoveredAt > default(Epoch))
                value.U64(RecoveredAt.Value);
        });
    }

    private void Put(byte kind, Action<ByteWriter> writeKey, Action<ByteWriter> writeValue)
    {
        var (key, value) = (new ByteWriter(), new ByteWriter());
        key.U8(kind);
        writeKey(key);
        writeValue(value);
        _batch.Put(key.Written, value.Written);
    }

    private void Remove(byte kind, Action<ByteWriter> writeKey)
    {
        var key = new ByteWriter();
        key.U8(kind);
        writeKey(key);
        _batch.Delete(key.Written);
    }
}
