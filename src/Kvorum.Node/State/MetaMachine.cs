using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.State;

/// <summary>The definition of a keyspace as the metadata group keeps it.</summary>
internal sealed record KeyspaceDefinition(
    string Name, string Mode, int PartitionCount, int ReplicationFactor, int KeyBytesMax, int ValueBytesMax, string KeyPolicy);

/// <summary>
/// The state machine of group 0, the metadata group: who the members are, where they can be reached, and
/// which keyspaces exist. Little endian.
/// <code>
/// command   = kind 1 member   time:u64 id:u128 name peerAddress clientAddress httpAddress
///           | kind 2 keyspace time:u64 name mode partitions:u32 replicas:u32 keyBytes:u32 valueBytes:u32 policy
/// tree      = 'm' id:16 -> name peerAddress clientAddress httpAddress
///           | 'k' name  -> mode partitions:u32 replicas:u32 keyBytes:u32 valueBytes:u32 policy
///           | 'e'       -> epoch:u64
/// text      = length:u32 UTF-8
/// </code>
/// Owned by the loop of group 0.
/// </summary>
internal sealed class MetaMachine : IStateMachine
{
    private readonly Tree _tree;
    private readonly IClusterFacts _facts;
    private readonly WriteBatch _batch = new();
    private readonly SortedDictionary<NodeId, MemberRecord> _members = [];
    private readonly SortedDictionary<string, KeyspaceDefinition> _keyspaces = new(StringComparer.Ordinal);

    public MetaMachine(Tree tree, ulong logTimeMs, IClusterFacts facts)
    {
        (_tree, _facts) = (tree, facts);
        Reload(logTimeMs);
    }

    internal sealed record MemberRecord(string Name, string PeerAddress, string ClientAddress, string HttpAddress);

    /// <inheritdoc/>
    public ulong LogTimeMs { get; private set; }

    /// <summary>Grows with every change of the cluster state.</summary>
    public ulong Epoch { get; private set; }

    /// <inheritdoc/>
    public long KeyCount => _members.Count + _keyspaces.Count;

    /// <inheritdoc/>
    public long RemovedKeys => 0;

    /// <inheritdoc/>
    public ulong? DueMs => null;

    public IReadOnlyDictionary<NodeId, MemberRecord> Members => _members;

    public IReadOnlyDictionary<string, KeyspaceDefinition> Keyspaces => _keyspaces;

    public static byte[] EncodeMember(NodeId id, MemberRecord member, ulong timeMs)
    {
        var writer = new ByteWriter();
        writer.U8(1);
        writer.U64(timeMs);
        writer.U128(id.Value);
        Write(writer, member);
        return writer.ToArray();
    }

    public static byte[] EncodeKeyspace(KeyspaceDefinition keyspace, ulong timeMs)
    {
        var writer = new ByteWriter();
        writer.U8(2);
        writer.U64(timeMs);
        writer.Text32(keyspace.Name);
        Write(writer, keyspace);
        return writer.ToArray();
    }

    /// <inheritdoc/>
    public byte[] DueCommand(ulong timeMs) =>
        throw new InvalidOperationException("in the metadata group nothing is due by time");

    /// <summary>The keyspaces, and where members can be reached.</summary>
    public IReadOnlyList<byte[]> Lacking(ulong timeMs)
    {
        var commands = new List<byte[]>();
        if (!_keyspaces.ContainsKey(_facts.DefaultKeyspace.Name))
            commands.Add(EncodeKeyspace(_facts.DefaultKeyspace, timeMs));
        foreach (var id in _facts.Ids)
        {
            if (_facts.Announcement(id) is { } member && _members.GetValueOrDefault(id) != member)
                commands.Add(EncodeMember(id, member, timeMs));
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
        var kind = from.U8();
        LogTimeMs = Math.Max(LogTimeMs, from.U64());
        _batch.Clear();
        var changed = kind switch
        {
            1 => SetMember(new(from.U128()), ReadMember(ref from)),
            2 => SetKeyspace(ReadKeyspace(from.Text32(), ref from)),
            _ => throw new FormatException($"unknown metadata command kind {kind}: written by a newer version?"),
        };
        if (changed)
        {
            Epoch++;
            var epoch = new ByteWriter();
            epoch.U64(Epoch);
            _batch.Put("e"u8, epoch.Written);
        }

        _tree.Write(_batch, index.Value);
        return new(ReplyStatus.Ok, false, default, index.Value);
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
        _batch.Clear();
        return _batch;
    }

    /// <inheritdoc/>
    public void Reload(ulong logTimeMs)
    {
        LogTimeMs = logTimeMs;
        _members.Clear();
        _keyspaces.Clear();
        Epoch = 0;
        using var view = _tree.OpenView();
        foreach (var (key, value) in view.Scan(default, default))
        {
            var name = new ByteReader(key[1..]);
            var from = new ByteReader(value);
            switch (key.Span[0])
            {
                case (byte)'m':
                    _members[new(name.U128())] = ReadMember(ref from);
                    break;
                case (byte)'k':
                    var keyspace = Protocol.Utf8Text.Decode("a keyspace's name", key.Span[1..]);
                    _keyspaces[keyspace] = ReadKeyspace(keyspace, ref from);
                    break;
                case (byte)'e':
                    Epoch = from.U64();
                    break;
                default:
                    throw new FormatException($"unknown metadata record kind {key.Span[0]}: written by a newer version?");
            }
        }
    }

    private bool SetMember(NodeId id, MemberRecord member)
    {
        if (_members.TryGetValue(id, out var present) && present == member)
            return false;
        _members[id] = member;
        var key = new ByteWriter();
        key.U8((byte)'m');
        key.U128(id.Value);
        var value = new ByteWriter();
        Write(value, member);
        _batch.Put(key.Written, value.Written);
        return true;
    }

    private bool SetKeyspace(KeyspaceDefinition keyspace)
    {
        // The first definition stands: two leaders in a row may both propose it.
        if (!_keyspaces.TryAdd(keyspace.Name, keyspace))
            return false;
        var key = new ByteWriter();
        key.U8((byte)'k');
        key.Raw(Protocol.Utf8Text.Encode("a keyspace's name", keyspace.Name));
        var value = new ByteWriter();
        Write(value, keyspace);
        _batch.Put(key.Written, value.Written);
        return true;
    }

    private static void Write(ByteWriter into, MemberRecord member)
    {
        into.Text32(member.Name);
        into.Text32(member.PeerAddress);
        into.Text32(member.ClientAddress);
        into.Text32(member.HttpAddress);
    }

    private static MemberRecord ReadMember(ref ByteReader from) =>
        new(from.Text32(), from.Text32(), from.Text32(), from.Text32());

    private static void Write(ByteWriter into, KeyspaceDefinition keyspace)
    {
        into.Text32(keyspace.Mode);
        into.U32((uint)keyspace.PartitionCount);
        into.U32((uint)keyspace.ReplicationFactor);
        into.U32((uint)keyspace.KeyBytesMax);
        into.U32((uint)keyspace.ValueBytesMax);
        into.Text32(keyspace.KeyPolicy);
    }

    private static KeyspaceDefinition ReadKeyspace(string name, ref ByteReader from) =>
        new(
            name, from.Text32(), (int)from.U32(), (int)from.U32(), (int)from.U32(), (int)from.U32(),
            from.Text32());
}
