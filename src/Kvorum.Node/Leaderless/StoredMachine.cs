using System.Buffers.Binary;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Quorum.Merkle;
using Kvorum.Raft;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Leaderless;

/// <summary>What became of a record that was to be stored.</summary>
internal enum StoreResult : byte
{
    /// <summary>It is the newest.</summary>
    Stored,

    /// <summary>It was there before.</summary>
    Known,

    /// <summary>A newer one is there: it changed nothing.</summary>
    Superseded,
}

/// <summary>
/// What a replica of a quorum keyspace keeps: of each key the record with the highest version, and the
/// versions of the requests it has seen. The order in which records come does not matter. Owned by the node
/// loop.
/// </summary>
internal sealed class StoredMachine : ITreeState
{
    private readonly Tree _tree;
    private readonly SessionTable _requests;
    private readonly WriteBatch _batch = new();
    private byte[] _room = new byte[RecordKeys.Size(Protocol.Limits.KeyBytesMax)];
    private ulong _restAt;

    public StoredMachine(Tree tree, ulong timeMs, long windowMs, int requestsMax)
    {
        (_tree, TimeMs) = (tree, timeMs);
        _requests = new(tree, windowMs, requestsMax);
        using var view = tree.OpenView();
        try
        {
            _requests.Reload(view);
        }
        catch (FormatException e)
        {
            throw new TreeDamagedException($"{tree.Folder}: its requests make no sense: {e.Message}");
        }
    }

    /// <summary>The greatest time of a version that was stored, in Unix milliseconds.</summary>
    public ulong TimeMs { get; private set; }

    /// <inheritdoc/>
    public long KeyCount => _tree.CountedKeys;

    /// <inheritdoc/>
    public long RemovedKeys => 0;

    /// <inheritdoc/>
    public bool IsCheckpointDue => false;

    /// <summary>Told of each change, if it wants to. Set once, before the first.</summary>
    public MerkleKeeper? Merkle { get; set; }

    /// <summary>
    /// Stores the record of a command if it is newer than what is there. A
    /// <see cref="FormatException"/> if the command cannot be understood.
    /// </summary>
    public StoreResult Apply(LogIndex index, ReadOnlyMemory<byte> command) => Apply(index, command, out _);

    /// <summary>As the other.</summary>
    /// <param name="index">The entry's position.</param>
    /// <param name="command">The command.</param>
    /// <param name="known">The version that was there.</param>
    public StoreResult Apply(LogIndex index, ReadOnlyMemory<byte> command, out RecordVersion known)
    {
        var store = StoreCommand.Read(command);
        var version = store.Version;
        var key = RecordKeys.ForData(store.Key.Span, Room(store.Key.Length));
        _batch.Clear();
        known = VersionAt(key);
        var result = version > known ? StoreResult.Stored
            : version == known ? StoreResult.Known : StoreResult.Superseded;
        if (result == StoreResult.Stored)
            _batch.Put(key, store.RecordBytes.Span);
        TimeMs = Math.Max(TimeMs, (ulong)version.Time.UnixMs);
        if (!store.ClientId.IsEmpty && _requests.Find(store.ClientId.Span, store.RequestId) is null)
            Remember(store, version);
        _requests.Forget(index.Value, TimeMs, _batch);
        _tree.Write(_batch, index.Value);
        if (result == StoreResult.Stored && Merkle is { IsWanted: true } merkle)
            merkle.Changed(KeyHash.Of(store.Key.Span), known, version);
        return result;
    }

    /// <summary>The record of a key, a deletion as well; null if there is none.</summary>
    public StoredRecord? Get(ReadOnlySpan<byte> key) =>
        _tree.TryGet(RecordKeys.ForData(key, Room(key.Length)), out var bytes)
            ? StoredRecord.Read(bytes) : null;

    /// <summary>The keys of a range and their records, in order.</summary>
    public static IEnumerable<(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Record)> Records(
        ReadView view, ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> end)
    {
        byte[] first = [RecordKeys.Data, .. from.Span];
        byte[] last = end.IsEmpty ? [RecordKeys.Data + 1] : [RecordKeys.Data, .. end.Span];
        foreach (var (key, record) in view.Scan(first, last))
            yield return (key[1..], record);
    }

    /// <summary>The version that a request was stored with; null if it was not seen.</summary>
    /// <param name="client">The client.</param>
    /// <param name="request">The client's number of the write.</param>
    /// <param name="isForgotten">True if it is so old that it is not known any more.</param>
    public RecordVersion? VersionOf(ReadOnlySpan<byte> client, ulong request, out bool isForgotten)
    {
        isForgotten = false;
        if (_requests.Find(client, request) is not { } found)
            return null;
        isForgotten = found.Status == ReplyStatus.SessionExpired;
        return isForgotten ? null : new(
            new(found.Version), new(BinaryPrimitives.ReadUInt64LittleEndian(found.Value.Span)));
    }

    /// <inheritdoc/>
    public WriteBatch TakeUnflushed()
    {
        _batch.Clear();
        // Where a checkpoint could not be written, its memtable has it.
        if (_restAt != _tree.AppliedIndex)
            _requests.PutRest(_batch);
        _restAt = _tree.AppliedIndex;
        return _batch;
    }

    // The whole record comes with it: a lookup of the head alone would be cheaper for large values.
    private RecordVersion VersionAt(ReadOnlySpan<byte> key) =>
        _tree.TryGet(key, out var bytes) ? RecordVersion.Read(bytes.Span) : RecordVersion.None;

    private void Remember(in StoreCommand store, RecordVersion version)
    {
        var writer = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(writer, version.Writer.Value);
        _requests.Add(
            store.ClientId.Span, store.RequestId, TimeMs,
            new(ReplyStatus.Ok, true, writer, version.Time.Value), _batch);
    }

    private Span<byte> Room(int keyBytes)
    {
        if (_room.Length < RecordKeys.Size(keyBytes))
            _room = new byte[RecordKeys.Size(keyBytes)];
        return _room;
    }
}
