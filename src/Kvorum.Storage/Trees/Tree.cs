using Kvorum.Storage.Files;

namespace Kvorum.Storage.Trees;

/// <summary>Settings of a tree.</summary>
public sealed record TreeOptions
{
    /// <summary>Bytes between checksums in checkpoint files.</summary>
    public int BlockBytes { get; init; } = 64 << 10;
}

/// <summary>Changes that become visible together. Reusable after <see cref="Clear"/>. One owner.</summary>
public sealed class WriteBatch
{
    /// <summary>Number of changes.</summary>
    public int Count => throw new NotImplementedException();

    /// <summary>Sets a key. The bytes are copied.</summary>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => throw new NotImplementedException();

    /// <summary>Sets a key to two pieces joined, so that the caller need not join them. The bytes are copied.</summary>
    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> valueHead, ReadOnlySpan<byte> valueBody) => throw new NotImplementedException();

    /// <summary>Removes a key, present or not.</summary>
    public void Delete(ReadOnlySpan<byte> key) => throw new NotImplementedException();

    /// <summary>Forgets all changes.</summary>
    public void Clear() => throw new NotImplementedException();
}

/// <summary>
/// One partition replica's data: ordered keys and values, the index up to which the group's log is applied, and a small
/// opaque tag, changed together. One writer (the node loop), any number of readers on other threads. What is written
/// since the last checkpoint is in memory only: the shared log brings it back after a crash.
/// </summary>
public sealed class Tree : IDisposable
{
    /// <summary>
    /// Opens the newest complete checkpoint in the folder, or an empty tree; removes left-overs of unfinished ones. Damage
    /// is a <see cref="TreeDamagedException"/>.
    /// </summary>
    public static Tree Open(IFileSystem files, string folder, TreeOptions options) => throw new NotImplementedException();

    /// <summary>The log index up to which writes are applied. Any thread.</summary>
    public ulong AppliedIndex => throw new NotImplementedException();

    /// <summary>Approximate bytes of keys and values. Any thread.</summary>
    public long Bytes => throw new NotImplementedException();

    /// <summary>Number of keys. Any thread.</summary>
    public long Count => throw new NotImplementedException();

    /// <summary>The newest checkpoint on disk; null if none. Writer only.</summary>
    public CheckpointInfo? Checkpoint => throw new NotImplementedException();

    /// <summary>Applies the changes and moves the applied index, visible to readers together. Writer only; the index never falls.</summary>
    public void Write(WriteBatch batch, ulong appliedIndex) => throw new NotImplementedException();

    /// <summary>Looks a key up in the newest state. The memory is never changed afterwards. Any thread.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, out ReadOnlyMemory<byte> value) => throw new NotImplementedException();

    /// <summary>A frozen view of the present state, cheap to take. Writer only; the view may be read on any thread. Dispose it.</summary>
    public ReadView OpenView() => throw new NotImplementedException();

    /// <summary>
    /// Starts a checkpoint of the present state. Writer only, one at a time. The caller runs <see cref="CheckpointJob.Write"/>
    /// on a background lane and then, on the writer, <see cref="CheckpointJob.Complete"/>.
    /// </summary>
    /// <param name="tag">Opaque bytes to keep in it (the snapshot's metadata).</param>
    public CheckpointJob BeginCheckpoint(ReadOnlySpan<byte> tag) => throw new NotImplementedException();

    /// <summary>Opens the newest checkpoint as bytes to be sent to another replica; stays readable until disposed, whatever newer ones come. Null if none. Writer only.</summary>
    public CheckpointReader? OpenCheckpoint() => throw new NotImplementedException();

    /// <summary>Starts receiving a checkpoint from another replica. Its file is separate until <see cref="Install"/>. Any thread that owns it.</summary>
    public CheckpointReceiver BeginReceive(CheckpointInfo info) => throw new NotImplementedException();

    /// <summary>Replaces the whole content by a verified received checkpoint, atomically on disk (after a crash: all old or all new). Writer only.</summary>
    public void Install(CheckpointReceiver received) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}

/// <summary>A checkpoint on disk.</summary>
/// <param name="AppliedIndex">The log index it contains.</param>
/// <param name="Bytes">Size of the file.</param>
/// <param name="Tag">The bytes given with it.</param>
public sealed record CheckpointInfo(ulong AppliedIndex, long Bytes, ReadOnlyMemory<byte> Tag);

/// <summary>A frozen state of a tree.</summary>
public sealed class ReadView : IDisposable
{
    /// <summary>The log index of the state.</summary>
    public ulong AppliedIndex => throw new NotImplementedException();

    /// <summary>Looks a key up.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, out ReadOnlyMemory<byte> value) => throw new NotImplementedException();

    /// <summary>Keys from <paramref name="from"/> (inclusive) to <paramref name="end"/> (exclusive; empty: no bound), in byte order.</summary>
    public IEnumerable<KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>> Scan(ReadOnlyMemory<byte> from, ReadOnlyMemory<byte> end) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}

/// <summary>A checkpoint being made.</summary>
public sealed class CheckpointJob
{
    /// <summary>Writes and syncs the file. Background lane. Throws what the disk throws: then nothing changed.</summary>
    public void Write() => throw new NotImplementedException();

    /// <summary>Makes it the tree's newest checkpoint and removes older ones that nobody reads. Writer, after <see cref="Write"/>.</summary>
    public CheckpointInfo Complete() => throw new NotImplementedException();
}

/// <summary>A checkpoint being sent. Read on any one thread at a time.</summary>
public sealed class CheckpointReader : IDisposable
{
    /// <summary>What it is.</summary>
    public CheckpointInfo Info => throw new NotImplementedException();

    /// <summary>Reads bytes of the file from an offset; fewer than asked only at its end.</summary>
    public int Read(long offset, Span<byte> into) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}

/// <summary>A checkpoint being received. Disposing it before the install removes its file.</summary>
public sealed class CheckpointReceiver : IDisposable
{
    /// <summary>What is being received.</summary>
    public CheckpointInfo Info => throw new NotImplementedException();

    /// <summary>Bytes received so far: the next expected offset.</summary>
    public long Received => throw new NotImplementedException();

    /// <summary>Adds bytes at <see cref="Received"/>; the last ones complete it. Background lane.</summary>
    public void Write(ReadOnlySpan<byte> bytes) => throw new NotImplementedException();

    /// <summary>Verifies every checksum of the complete file and syncs it. Background lane. A <see cref="TreeDamagedException"/> if it is not whole.</summary>
    public void Verify() => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}

/// <summary>Damage found in a tree's file.</summary>
public sealed class TreeDamagedException(string message) : IOException(message);
