using System.Diagnostics;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Lsm;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.State;

/// <summary>
/// The state machine of a strong partition: keys with versions (the log index of their last write), life
/// spans that end by log time only, and exactly-once records, written by the same entry and in the same
/// checkpoints. Owned by the node loop.
/// </summary>
internal sealed class KeyValueMachine : IStateMachine
{
    private readonly Tree _tree;
    private readonly SessionTable _sessions;
    private readonly WriteBatch _batch = new();
    private readonly KeyRooms _keys = new();

    // All keys that ended up to then are gone: the search for the next one need not pass what is left of
    // them.
    private ulong _expiredUpTo;

    // The index at which a checkpoint took the rest last.
    private ulong _restAt;

    public KeyValueMachine(Tree tree, ulong logTimeMs, long sessionWindowMs, int sessionRecordsMax)
    {
        _tree = tree;
        _sessions = new(tree, sessionWindowMs, sessionRecordsMax);
        Reload(logTimeMs);
    }

    /// <inheritdoc/>
    public ulong LogTimeMs { get; private set; }

    /// <summary>
    /// Keys of users, expired ones included until they are removed; those that were set again since the last
    /// checkpoint may count twice until the next.
    /// </summary>
    public long KeyCount => _tree.CountedKeys;

    /// <inheritdoc/>
    public long RemovedKeys { get; private set; }

    /// <inheritdoc/>
    public bool IsCheckpointDue => false;

    /// <summary>
    /// No key ends before this log time; null if none ends at all. A key that was to end then may have got
    /// another life meanwhile: the time-advance finds out.
    /// </summary>
    public ulong? NextExpiryMs { get; private set; }

    /// <inheritdoc/>
    public ulong? DueMs => NextExpiryMs;

    /// <summary>What the last applied entry changed in the tree; until the next one, or <see
    /// cref="TakeUnflushed"/>.</summary>
    public WriteBatch Changes => _batch;

    /// <inheritdoc/>
    public byte[] DueCommand(ulong timeMs) => CommandCodec.EncodeAdvanceTime(timeMs);

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Lacking(ulong timeMs) => [];

    /// <inheritdoc/>
    public void Publish()
    {
    }

    /// <inheritdoc/>
    public ReadAnswer Read(Request request, long valueBytesMax)
    {
        var record = Get(request.Key.Span, valueBytesMax, out var bytes);
        return new(record is not null, record?.Value ?? default, record?.Version ?? 0, bytes);
    }

    /// <summary>
    /// The key as of the applied log: null if absent or expired. The present state: owner only.
    /// </summary>
    public ValueRecord? Get(ReadOnlySpan<byte> key) => Get(key, int.MaxValue, out _);

    /// <summary>
    /// The same for a value of at most so many bytes. A larger one is not copied: null, and
    /// <paramref name="valueBytes"/> says how large it is.
    /// </summary>
    public ValueRecord? Get(ReadOnlySpan<byte> key, long valueBytesMax, out long valueBytes)
    {
        var isFound = _tree.TryGet(
            _keys.Data(key), valueBytesMax + ValueRecord.HeadBytes, out var bytes, out var length);
        valueBytes = Math.Max(0, length - ValueRecord.HeadBytes);
        if (!isFound)
            return null;
        var record = ValueRecord.Read(bytes);
        return record.HasExpired(LogTimeMs) ? null : record;
    }

    /// <inheritdoc/>
    public long AnswerBytes(WriteRequest write)
    {
        var stored = write.ClientId.Length > 0 ? _sessions.ValueBytes(write.ClientId, write.RequestId) : 0;
        if (!write.ReturnPrevious)
            return stored;
        var key = write.Key.Span;
        _tree.TryGet(_keys.Data(key), -1, out _, out var length);
        return Math.Max(stored, length - ValueRecord.HeadBytes);
    }

    /// <inheritdoc/>
    public Outcome Apply(LogIndex index, ReadOnlyMemory<byte> command)
    {
        var decoded = CommandCodec.Decode(command);
        LogTimeMs = Math.Max(LogTimeMs, decoded.TimeMs);
        _batch.Clear();
        var outcome = decoded.Kind == CommandKind.AdvanceTime ? Expire() : Once(index, decoded);
        _sessions.Forget(index.Value, LogTimeMs, _batch);
        _tree.Write(_batch, index.Value);
        return outcome;
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
        // Where a checkpoint could not be written, its memtable has it.
        if (_restAt != _tree.AppliedIndex)
            PutRest(_batch);
        _restAt = _tree.AppliedIndex;
        return _batch;
    }

    /// <summary>Adds what the tree lacks of the state to a batch.</summary>
    public void PutRest(WriteBatch batch) => _sessions.PutRest(batch);

    /// <inheritdoc/>
    public void Reload(ulong logTimeMs)
    {
        LogTimeMs = logTimeMs;
        _expiredUpTo = 0;
        _restAt = 0;
        NextExpiryMs = null;
        using var view = _tree.OpenView();
        try
        {
            _sessions.Reload(view);
        }
        catch (FormatException e)
        {
            throw new TreeDamagedException(
                $"{_tree.Folder}: its exactly-once records make no sense: {e.Message}");
        }

        foreach (var (record, _) in Expiries(view))
        {
            NextExpiryMs = RecordKeys.ReadExpiry(record).ExpiresMs;
            break;
        }
    }

    private Outcome Once(LogIndex index, in Command command)
    {
        if (command.ClientId.IsEmpty)
            return Write(index, command);
        if (_sessions.Find(command.ClientId.Span, command.RequestId) is { } first)
            return first;
        var outcome = Write(index, command);
        _sessions.Add(command.ClientId.Span, command.RequestId, LogTimeMs, outcome, _batch);
        return outcome;
    }

    private Outcome Write(LogIndex index, in Command command)
    {
        var key = _keys.Data(command.Key.Span);
        if (command is { Kind: CommandKind.Put, IfVersion: null, ReturnPrevious: false })
        {
            // The caller does not ask for the previous value, and to look is a third of the work. If it
            // was to end, what says so is passed over when its time comes.
            Put(index, command, key);
            return new(ReplyStatus.Ok, false, default, index.Value);
        }

        var stored = _tree.TryGet(key, out var bytes) ? ValueRecord.Read(bytes) : default(ValueRecord?);
        var previous = stored is { } record && record.HasExpired(LogTimeMs) ? null : stored;
        if (command.IfVersion is { } expected && expected != (previous?.Version ?? 0))
            return new(ReplyStatus.ConditionFailed, previous is not null, default, previous?.Version ?? 0);

        if (stored is { ExpiresMs: not 0 } mortal)
            _batch.Delete(_keys.Expiry(mortal.ExpiresMs, command.Key.Span));
        switch (command.Kind)
        {
            case CommandKind.Put:
                Put(index, command, key);
                break;
            case CommandKind.Delete:
                if (stored is not null)
                    Delete(key);
                break;
            default:
                throw new UnreachableException($"A command of kind {command.Kind} changes no key.");
        }

        return command.ReturnPrevious
            ? new(ReplyStatus.Ok, previous is not null, previous?.Value ?? default, index.Value)
            : new(ReplyStatus.Ok, false, default, index.Value);
    }

    private void Put(LogIndex index, in Command command, ReadOnlySpan<byte> key)
    {
        // A life beyond the end of time is endless.
        var expires = command.TtlMs == 0 || command.TtlMs > ulong.MaxValue - LogTimeMs ? 0 : LogTimeMs + command.TtlMs;
        Span<byte> head = stackalloc byte[ValueRecord.HeadBytes];
        ValueRecord.WriteHead(head, index.Value, expires);
        _batch.Put(key, head, command.Value.Span);
        if (expires == 0)
            return;
        _batch.Put(_keys.Expiry(expires, command.Key.Span), default);
        NextExpiryMs = Math.Min(NextExpiryMs ?? ulong.MaxValue, expires);
    }

    private void Delete(ReadOnlySpan<byte> key)
    {
        _batch.Delete(key);
        RemovedKeys++;
    }

    private Outcome Expire()
    {
        NextExpiryMs = null;
        var count = 0;
        using var view = _tree.OpenView();
        foreach (var (record, _) in Expiries(view))
        {
            var (expires, key) = RecordKeys.ReadExpiry(record);
            if (expires > LogTimeMs || count++ == Limits.ExpiredPerEntry)
            {
                NextExpiryMs = expires;
                break;
            }

            _batch.Delete(record.Span);
            var data = _keys.Data(key.Span);
            if (_tree.TryGet(data, out var value) && ValueRecord.Read(value).ExpiresMs == expires)
                Delete(data);
            _expiredUpTo = expires;
        }

        return new(ReplyStatus.Ok, false, default, 0);
    }

    private IEnumerable<KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>> Expiries(ReadView view) =>
        view.Scan(_keys.Expiry(_expiredUpTo, default).ToArray(), new[] { (byte)(RecordKeys.Expiry + 1) });
}
