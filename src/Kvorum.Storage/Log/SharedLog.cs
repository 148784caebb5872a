using Kvorum.Storage.Files;

namespace Kvorum.Storage.Log;

/// <summary>Settings of the shared log.</summary>
public sealed record SharedLogOptions
{
    /// <summary>Size of a segment file, in bytes.</summary>
    public long SegmentBytes { get; init; } = 64 << 20;

    /// <summary>Bound of one write to the disk, in bytes: larger queues are written in several steps, with one sync each.</summary>
    public int WriteBytesMax { get; init; } = 8 << 20;

    /// <summary>Bound of appended and not yet durable bytes; beyond it <see cref="SharedLog.IsBehind"/> is true and front ends should refuse writes.</summary>
    public long QueuedBytesMax { get; init; } = 256 << 20;
}

/// <summary>Receives what a log holds when it is opened, record by record in the order of writing. Spans are valid during the call only.</summary>
public interface ILogReplay
{
    /// <summary>An entry of a group. An index that came before replaces it and everything of the group behind it.</summary>
    void Entry(uint group, ulong index, ReadOnlySpan<byte> payload);

    /// <summary>The newest state of a group so far; later calls replace earlier ones.</summary>
    void State(uint group, ReadOnlySpan<byte> payload);
}

/// <summary>
/// The records of one node loop's turn, written and synced as one, encoded as they are added. Owned by its maker until
/// <see cref="SharedLog.Append"/>, then by the log until the completion is called; may be reused after <see cref="Clear"/>.
/// </summary>
public sealed class LogBatch
{
    /// <summary>Bytes of all records so far.</summary>
    public int Bytes => throw new NotImplementedException();

    /// <summary>Number of records so far.</summary>
    public int Count => throw new NotImplementedException();

    /// <summary>Adds an entry whose payload is <paramref name="head"/> followed by <paramref name="body"/>.</summary>
    public void AddEntry(uint group, ulong index, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body) => throw new NotImplementedException();

    /// <summary>Adds a state record: the newest of a group wins, and the log keeps it however old it grows.</summary>
    public void SetState(uint group, ReadOnlySpan<byte> payload) => throw new NotImplementedException();

    /// <summary>Forgets all records.</summary>
    public void Clear() => throw new NotImplementedException();
}

/// <summary>
/// The one write-ahead log of a node, for all groups (DESIGN: group commit without a timer). A failed write or sync is
/// final: the batch and all later ones complete with the error, nothing is retried, and the node must stop.
/// </summary>
public sealed class SharedLog : IDisposable
{
    /// <summary>
    /// Opens or creates the log in <paramref name="folder"/>, replays it, and cuts a torn tail. Damage anywhere else is a
    /// <see cref="LogDamagedException"/> that names file, offset and remedy; nothing is changed on disk then.
    /// </summary>
    public static SharedLog Open(IFileSystem files, string folder, SharedLogOptions options, IJobRunner jobs, ILogReplay replay) =>
        throw new NotImplementedException();

    /// <summary>What recovery did, for the operator: segments, records, bytes, and the torn tail that was cut, if any.</summary>
    public LogRecovery Recovery => throw new NotImplementedException();

    /// <summary>
    /// Queues the batch; <paramref name="completed"/> is called exactly once, on the log's thread, in the order of the
    /// appends: with null when the batch is durable, with the error otherwise. Any thread; never blocks.
    /// </summary>
    public void Append(LogBatch batch, Action<LogBatch, Exception?> completed) => throw new NotImplementedException();

    /// <summary>Entries of the group up to and including the index are not needed any more. Any thread. Segments that hold nothing needed are removed in the background.</summary>
    public void Release(uint group, ulong upToIndex) => throw new NotImplementedException();

    /// <summary>The groups whose entries hold the oldest segment, when more than <paramref name="segments"/> segments exist; else empty. Any thread.</summary>
    public IReadOnlyList<uint> HoldersOfOldest(int segments) => throw new NotImplementedException();

    /// <summary>True while more than <see cref="SharedLogOptions.QueuedBytesMax"/> are queued.</summary>
    public bool IsBehind => throw new NotImplementedException();

    /// <summary>Bytes of all segment files on disk.</summary>
    public long DiskBytes => throw new NotImplementedException();

    /// <summary>Counters since the start: batches, records, bytes, syncs.</summary>
    public LogCounters Counters => throw new NotImplementedException();

    /// <summary>Waits for nothing: the host stops the job runner first. Closes the files.</summary>
    public void Dispose() => throw new NotImplementedException();
}

/// <summary>What <see cref="SharedLog.Open"/> found.</summary>
public sealed record LogRecovery(int Segments, long Records, long Bytes, long CutBytes);

/// <summary>Counters of a log since it was opened.</summary>
public readonly record struct LogCounters(long Batches, long Records, long Bytes, long Syncs);

/// <summary>Damage that is not a torn tail.</summary>
public sealed class LogDamagedException(string message) : IOException(message);
