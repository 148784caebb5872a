using System.Buffers.Binary;
using Kvorum.Node.Leaderless.Deletes;
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
    private readonly KeyRooms _keys = new();
    private readonly List<(ulong KeyHash, RecordVersion Version)> _collected = [];
    private ulong _restAt;

    // What ended before is gone: the search for the next need not pass what is left of it.
    private ulong _collectedBelowMs;

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

        if (tree.TryGet([RecordKeys.Marks], out var marks))
        {
            Marks = marks.Length == ReplicaMarks.Size ? ReplicaMarks.Read(marks.Span)
                : throw new TreeDamagedException($"{tree.Folder}: its marks have {marks.Length} bytes");
        }

        foreach (var (record, _) in Ends(view))
        {
            NextEndMs = RecordKeys.ReadExpiry(record).ExpiresMs;
            break;
        }
    }

    /// <summary>The greatest time of a version that was stored, in Unix milliseconds.</summary>
    public ulong TimeMs { get; private set; }

    /// <inheritdoc/>
    public long KeyCount => _tree.CountedKeys;

    /// <inheritdoc/>
    public long RemovedKeys { get; private set; }

    /// <summary>Below which times it takes nothing, and lacks nothing.</summary>
    public ReplicaMarks Marks { get; private set; }

    /// <summary>
    /// No record that is here ends before, in Unix milliseconds; null if none does at all. The one that was
    /// to end then may have been written again since.
    /// </summary>
    public ulong? NextEndMs { get; private set; }

    /// <inheritdoc/>
    public bool IsCheckpointDue => false;

    /// <summary>Told of each change, if it wants to. Set once, before the first.</summary>
    public MerkleKeeper? Merkle { get; set; }

    /// <summary>
    /// Carries a command out: a record is stored if it is newer than what is there. A
    /// <see cref="FormatException"/> if the command cannot be understood.
    /// </summary>
    public StoreResult Apply(LogIndex index, ReadOnlyMemory<byte> command) => Apply(index, command, out _);

    /// <summary>As the other.</summary>
    /// <param name="index">The entry's position.</param>
    /// <param name="command">The command.</param>
    /// <param name="known">The version that was there.</param>
    public StoreResult Apply(LogIndex index, ReadOnlyMemory<byte> command, out RecordVersion known)
    {
        _batch.Clear();
        _collected.Clear();
        (StoreResult result, known) = (default, RecordVersion.None);
        if (command.Span is [StoreCommand.Kind, ..])
            result = Store(StoreCommand.Read(command), out known);
        else if (RememberCommand.Is(command.Span))
            Remember(index, RememberCommand.Read(command));
        else
            KeepingCommand.Apply(command, this);
        _requests.Forget(index.Value, TimeMs, _batch);
        _tree.Write(_batch, index.Value);
        if (Merkle is { IsWanted: true } merkle)
        {
            foreach (var (hash, version) in _collected)
                merkle.Changed(hash, version, RecordVersion.None);
        }

        return result;
    }

    /// <summary>A key goes, with all that is known of it. Of an entry that is applied.</summary>
    public void Forget(ReadOnlySpan<byte> key)
    {
        _batch.Delete(_keys.Data(key));
        RemovedKeys++;
    }

    /// <summary>New marks. Of an entry that is applied.</summary>
    public void Mark(in ReplicaMarks marks)
    {
        Marks = marks;
        Span<byte> value = stackalloc byte[ReplicaMarks.Size];
        marks.Write(value);
        _batch.Put([RecordKeys.Marks], value);
    }

    /// <summary>
    /// Records that ended before a time go, as many as one entry may remove. Of an entry that is applied.
    /// </summary>
    public void Collect(ulong belowMs)
    {
        NextEndMs = null;
        var count = 0;
        using var view = _tree.OpenView();
        foreach (var (record, _) in Ends(view))
        {
            var (endsMs, key) = RecordKeys.ReadExpiry(record);
            if (endsMs >= belowMs || count++ == Limits.ExpiredPerEntry)
            {
                NextEndMs = endsMs;
                break;
            }

            _batch.Delete(record.Span);
            _collectedBelowMs = endsMs;
            var data = _keys.Data(key.Span);
            if (!_tree.TryGet(data, out var value))
                continue;
            var stored = StoredRecord.Read(value);
            if (stored.EndsMs != endsMs)
                continue;
            _batch.Delete(data);
            RemovedKeys++;
            _collected.Add((KeyHash.Of(key.Span), stored.Version));
        }
    }

    /// <summary>The record of a key, a deletion as well; null if there is none.</summary>
    public StoredRecord? Get(ReadOnlySpan<byte> key) =>
        _tree.TryGet(_keys.Data(key), out var bytes) ? StoredRecord.Read(bytes) : null;

    /// <summary>The keys of a range and their records, in order.</summary>
    public static IEnumerable<(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Record)> Records(
        ReadView view, ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> end)
    {
        byte[] first = [RecordKeys.Data, .. from.Span];
        byte[] last = end.IsEmpty ? [RecordKeys.Data + 1] : [RecordKeys.Data, .. end.Span];
        foreach (var (key, record) in view.Scan(first, last))
            yield return (key[1..], record);
    }

    /// <summary>The records of a view that ended before a time, and what is kept of them.</summary>
    public static TombstoneCount CountEnded(ReadView view, ulong belowMs)
    {
        var (count, bytes) = (0L, 0L);
        byte[] first = [RecordKeys.Expiry], last = [RecordKeys.Expiry + 1];
        foreach (var (record, _) in view.Scan(first, last))
        {
            if (RecordKeys.ReadExpiry(record).ExpiresMs >= belowMs)
                break;
            // Its key is there twice: with the record, and in the order of ends.
            (count, bytes) = (count + 1, bytes + (2 * record.Length) + StoredRecord.HeadBytes);
        }

        return new(count, bytes);
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
        return isForgotten ? null : VersionOf(found);
    }

    /// <summary>
    /// What is remembered of requests, for a replica that is to be filled: from a place on, as many as fit.
    /// </summary>
    /// <param name="from">0, or where the last answer ended.</param>
    /// <param name="end">Where it goes on; 0 at the end.</param>
    public IReadOnlyList<RememberedRequest> RequestsFrom(ulong from, out ulong end)
    {
        var requests = new List<RememberedRequest>();
        if (from == 0)
        {
            foreach (var (client, requestId) in _requests.Floors)
                requests.Add(new(client, requestId, RecordVersion.None));
        }

        foreach (var (client, requestId, outcome) in _requests.From(from, Limits.RequestsAtOnce, out end))
            requests.Add(new(client, requestId, VersionOf(outcome)));
        return requests;
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

    private StoreResult Store(in StoreCommand store, out RecordVersion before)
    {
        var version = store.Version;
        var key = _keys.Data(store.Key.Span);
        // The whole record comes with it: a lookup of the head alone would be cheaper for large values.
        var known = _tree.TryGet(key, out var bytes) ? StoredRecord.Read(bytes) : default;
        before = known.Version;
        var record = StoredRecord.Read(store.RecordBytes);
        var result = StoredRecord.Wins(record, known) ? StoreResult.Stored
            : version == before ? StoreResult.Known : StoreResult.Superseded;
        TimeMs = Math.Max(TimeMs, (ulong)version.Time.UnixMs);
        if (!store.ClientId.IsEmpty && _requests.Find(store.ClientId.Span, store.RequestId) is null)
            Remember(store.ClientId.Span, store.RequestId, version);
        if (result != StoreResult.Stored)
            return result;
        _batch.Put(key, store.RecordBytes.Span);
        if (known.EndsMs > 0)
            _batch.Delete(_keys.Expiry(known.EndsMs, store.Key.Span));
        if (record.EndsMs > 0)
        {
            _batch.Put(_keys.Expiry(record.EndsMs, store.Key.Span), default);
            NextEndMs = Math.Min(NextEndMs ?? ulong.MaxValue, record.EndsMs);
            _collectedBelowMs = Math.Min(_collectedBelowMs, record.EndsMs);
        }

        if (Merkle is { IsWanted: true } merkle)
            merkle.Changed(KeyHash.Of(store.Key.Span), known.Version, version);
        return result;
    }

    private IEnumerable<KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>> Ends(ReadView view) =>
        view.Scan(
            _keys.Expiry(_collectedBelowMs, default).ToArray(), new[] { (byte)(RecordKeys.Expiry + 1) });

    private static RecordVersion VersionOf(in Outcome stored) =>
        new(new(stored.Version), new(BinaryPrimitives.ReadUInt64LittleEndian(stored.Value.Span)));

    // What a replica remembers that this one is filled from.
    private void Remember(LogIndex index, IReadOnlyList<RememberedRequest> requests)
    {
        foreach (var (client, requestId, version) in requests)
        {
            if (version.IsNone)
            {
                _requests.ForgetUpTo(client.Span, requestId, index.Value, _batch);
                continue;
            }

            TimeMs = Math.Max(TimeMs, (ulong)version.Time.UnixMs);
            if (_requests.Find(client.Span, requestId) is null)
                Remember(client.Span, requestId, version);
        }
    }

    private void Remember(ReadOnlySpan<byte> client, ulong requestId, RecordVersion version)
    {
        var writer = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(writer, version.Writer.Value);
        _requests.Add(
            client, requestId, TimeMs, new(ReplyStatus.Ok, true, writer, version.Time.Value), _batch);
    }
}
