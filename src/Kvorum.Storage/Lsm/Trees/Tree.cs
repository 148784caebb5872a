using System.Collections.Immutable;
using Kvorum.Storage.Lsm.Compaction;
using Kvorum.Storage.Lsm.MemTables;
using Kvorum.Storage.Lsm.Versions;

namespace Kvorum.Storage.Lsm.Trees;

/// <summary>
/// One partition replica's data: ordered keys and values, the index up to which the group's log is applied,
/// and a small opaque tag. A log-structured merge tree: what is new is in a memtable, a checkpoint flushes it
/// into a table, compactions merge tables. One writer (the node loop), any number of readers on other
/// threads; a reader waits only for the disk when a table must be read. Writes since the last checkpoint are
/// in memory only: the shared log restores them after a crash.
/// </summary>
public sealed class Tree : IDisposable
{
    private readonly TreeShare _share;
    private readonly TreeOptions _options;
    private readonly VersionSet _versions;

    // The data key of new tables; 0: they are plain. Null: no table can be encrypted.
    private readonly ulong? _key;

    // Guards the reference to the present state: held for a few instructions.
    private readonly Lock _gate = new();
    private TreeState _state;

    // Number of installs up to the present state: a job that began before a later install is void.
    private int _installs;
    private ulong _appliedIndex;
    private long _countedBytes;
    private int _isCheckpointing;
    private CompactionJob? _compaction;
    private CompactionTurns _turns = CompactionTurns.None;
    private bool _isClosed;

    private Tree(TreeShare share, TreeOptions options, VersionSet versions)
    {
        _key = share.Files.Keys?.Current;
        (_share, _options, _versions) = (share, options, versions);
        _state = NewState([new MemTable(_options.CountedPrefix)], versions.Hold(out _installs));
        _appliedIndex = _state.Tables.Mark?.AppliedIndex ?? 0;
    }

    /// <summary>
    /// Opens what the folder's manifest names, or an empty tree. Damage is a <see
    /// cref="TreeDamagedException"/>. Until <see cref="ResyncManifest"/> or the next checkpoint a crash may
    /// lose the newest edit again.
    /// </summary>
    public static Tree Open(TreeShare share, string folder, TreeOptions options) =>
        new(share, options, VersionSet.Open(new TreeFolder(share.Files, folder), share.Cache));

    /// <summary>
    /// Opens a tree of a stopped node for inspection; the disk stays unchanged: writes go to memory, and
    /// checkpoints are not possible.
    /// </summary>
    public static Tree OpenUnchanged(TreeShare share, string folder, TreeOptions options) => new(
        share, options,
        VersionSet.Open(new TreeFolder(share.Files, folder), share.Cache, changesNothing: true));

    /// <summary>
    /// An empty tree over damaged files: to be filled by <see cref="BeginInstall"/>, not read or written
    /// before. Its applied index and checkpoint come from the manifest, if that is readable and not known to
    /// be wrong, else they are zero and none. The damaged files stay until the install.
    /// </summary>
    public static Tree OpenDamaged(
        TreeShare share, string folder, TreeOptions options, bool isManifestWrong = false) =>
        new(share, options, VersionSet.OpenDamaged(
            new TreeFolder(share.Files, folder), share.Cache, isManifestWrong));

    /// <summary>Its path below the data folder.</summary>
    public string Folder => _versions.Folder.Path;

    /// <summary>
    /// True if the last record of its manifest was incomplete when it was opened: either a crash cut it
    /// short, which is harmless, or it is damaged, and then the log lacks the entries that were flushed with
    /// it.
    /// </summary>
    public bool WasTorn => _versions.IsTorn;

    /// <summary>The log index up to which writes are applied. Any thread.</summary>
    public ulong AppliedIndex => Volatile.Read(ref _appliedIndex);

    /// <summary>Bytes in memtables and on disk. Any thread.</summary>
    public long Bytes => Look(static state => state.Bytes);

    /// <summary>Bytes of tables on disk that are in use. Any thread.</summary>
    public long DiskBytes => Look(static state => state.Tables.Bytes);

    /// <summary>Bytes of native memory in memtables: what a checkpoint would set free. Any thread.</summary>
    public long MemTableBytes => Look(static state => state.MemTables.Sum(static memTable => memTable.Bytes));

    /// <summary>
    /// About how many keys: those written again since the last compaction may be counted several times. Any
    /// thread.
    /// </summary>
    public long Count => Look(static state => state.Keys);

    /// <summary>
    /// How many keys begin with <see cref="TreeOptions.CountedPrefix"/>: right as of the last checkpoint;
    /// those that were there before it and set since count twice until the next one. A delete must be of a
    /// key that is there. Any thread.
    /// </summary>
    public long CountedKeys => Look(static state => state.CountedKeys);

    /// <summary>Number and bytes of the tables of each level, from 0 on. Any thread.</summary>
    public IReadOnlyList<(int Tables, long Bytes)> Levels => Look(static state => state.Tables.Levels.Tables
        .Select(static level => (level.Length, level.Sum(static table => table.Bytes))).ToArray());

    /// <summary>
    /// Tables, and number and bytes of those that are still to be written anew because they are encrypted
    /// otherwise than new ones. Any thread.
    /// </summary>
    public (int All, int Stale, long StaleBytes) TableCounts => Look(state =>
    {
        var tables = state.Tables.Files.Select(static file => file.Info).ToArray();
        var stale = state.Tables.Stale(_key) is { } isStale ? tables.Where(isStale).ToArray() : [];
        return (tables.Length, stale.Length, stale.Sum(static table => table.Bytes));
    });

    /// <summary>The newest checkpoint on disk; null if none. Writer only.</summary>
    public CheckpointInfo? Checkpoint =>
        _state.Tables.Mark is null ? null : CheckpointStream.InfoOf(_state.Tables);

    /// <summary>The applied index of the newest checkpoint; 0 if there is none. Writer only.</summary>
    public ulong CheckpointIndex => _state.Tables.Mark?.AppliedIndex ?? 0;

    /// <summary>
    /// Applies the changes and moves the applied index, visible to readers together. Writer only; the index
    /// rises with every batch that is not empty, and never falls.
    /// </summary>
    public void Write(WriteBatch batch, ulong appliedIndex)
    {
        CheckIndex(appliedIndex);
        if (batch.Count > 0)
        {
            if (appliedIndex == _appliedIndex)
                throw new InvalidOperationException($"Index {appliedIndex} is already applied");
            Add(batch, appliedIndex);
            CountMemory();
        }

        Volatile.Write(ref _appliedIndex, appliedIndex);
    }

    /// <summary>Looks a key up in the newest state. The memory is the caller's. Any thread.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, out ReadOnlyMemory<byte> value) =>
        TryGet(key, long.MaxValue, out value, out _);

    /// <summary>
    /// The same for a value of at most so many bytes; of a larger one only <paramref name="bytes"/> is told,
    /// and nothing is copied. It is -1 where there is none.
    /// </summary>
    public bool TryGet(ReadOnlySpan<byte> key, long bytesMax, out ReadOnlyMemory<byte> value, out int bytes)
    {
        var (state, sequence) = HoldState();
        try
        {
            var found = state.Get(key, sequence, bytesMax, out bytes);
            value = found;
            return found is not null;
        }
        finally
        {
            state.Release();
        }
    }

    /// <summary>
    /// A frozen view of the present state, cheap to take. Any thread, and it may be read on any. Dispose it.
    /// </summary>
    public ReadView OpenView()
    {
        var (state, sequence) = HoldState();
        return new ReadView(state, sequence);
    }

    /// <summary>
    /// Starts a checkpoint of the present state. Writer only, one at a time. The caller runs
    /// <see cref="CheckpointJob.Write"/> on a background lane and then, on the writer,
    /// <see cref="CheckpointJob.Complete"/>.
    /// </summary>
    /// <param name="tag">Opaque bytes to keep in it (the snapshot's metadata).</param>
    /// <param name="rest">
    /// Further changes of the present index, needed only when the checkpoint is opened.
    /// </param>
    public CheckpointJob BeginCheckpoint(ReadOnlySpan<byte> tag, WriteBatch? rest = null)
    {
        if (Interlocked.Exchange(ref _isCheckpointing, 1) != 0)
            throw new InvalidOperationException("A checkpoint of this tree is already being made");
        if (rest is not null)
            Add(rest, _appliedIndex);
        if (_state.MemTables[0].Entries > 0)
        {
            _state.Tables.Hold();
            Switch(NewState([new MemTable(_options.CountedPrefix), .. _state.MemTables], _state.Tables));
        }

        // More than one if a checkpoint has failed before.
        var memTables = _state.MemTables[1..];
        _state.Tables.Hold();
        return new CheckpointJob(
            this, _versions, _options, _state.Tables, memTables, (_appliedIndex, tag.ToArray()), _installs);
    }

    /// <summary>
    /// The compaction that is most urgent; null if none is, or one is under way. Writer only. The caller runs
    /// <see cref="CompactionJob.Run"/> on a background lane and then, on the writer,
    /// <see cref="CompactionJob.Complete"/>.
    /// </summary>
    /// <param name="mayRewrite">False: not one whose only reason is the key of its tables.</param>
    public CompactionJob? PickCompaction(bool mayRewrite = true)
    {
        if (Volatile.Read(ref _compaction) is not null)
            return null;
        var choice = CompactionPicker.Pick(
            _state.Tables.Levels, _turns, ulong.MaxValue, _options.Compaction,
            mayRewrite ? _state.Tables.Stale(_key) : null);
        if (choice is null)
            return null;
        _state.Tables.Hold();
        return _compaction = new CompactionJob(
            this, _versions, _state.Tables, choice, _options, _installs);
    }

    /// <summary>
    /// Writes the manifest that was read at the start again and syncs it, unless a newer edit is durable;
    /// removes leftovers of unfinished jobs. Background lane. Until then the log must keep the entries that
    /// the checkpoint contains.
    /// </summary>
    public void ResyncManifest() => _versions.ResyncManifest();

    /// <summary>
    /// Deletes the files of tables that are not used any more. Background lane; each job does it too when it
    /// begins, so this is for freeing space at once.
    /// </summary>
    public void RemoveDiscarded() => _versions.Folder.RemoveDiscarded();

    /// <summary>
    /// Opens the newest checkpoint as bytes to be sent to another replica; stays readable until disposed,
    /// whatever newer ones come. Null if none. Writer only.
    /// </summary>
    public CheckpointReader? OpenCheckpoint()
    {
        if (_state.Tables.Mark is null)
            return null;
        _state.Tables.Hold();
        return new CheckpointReader(_state.Tables);
    }

    /// <summary>
    /// Begins to check a table on disk: the one whose number comes next after another's, 0 for the first.
    /// Null if there is none. Writer only.
    /// </summary>
    public TableScrub? OpenScrub(ulong afterTable)
    {
        var next = _state.Tables.Files
            .Where(file => file.Info.Number > afterTable).MinBy(static file => file.Info.Number);
        return next is null ? null : new TableScrub(_versions.Folder, next);
    }

    /// <summary>
    /// True if the tree uses this table; damage of a table that was replaced does not matter. Writer only.
    /// </summary>
    public bool Has(ulong table) => _state.Tables.Files.Any(file => file.Info.Number == table);

    /// <summary>
    /// Starts receiving a checkpoint from another replica. Its tables are separate until an install.
    /// Any thread that owns it.
    /// </summary>
    public CheckpointReceiver BeginReceive(CheckpointInfo info) => new(_versions, info);

    /// <summary>
    /// Begins to replace the whole content by a verified received checkpoint, atomically on disk (after a
    /// crash: all old or all new). Writer only; takes the receiver over. The index never falls, and nothing
    /// is written to the tree until the install is complete; until then readers see what they saw. The caller
    /// runs <see cref="InstallJob.Write"/> on a background lane and then, on the writer,
    /// <see cref="InstallJob.Complete"/>.
    /// </summary>
    public InstallJob BeginInstall(CheckpointReceiver received)
    {
        if (received.Content is null)
            throw new InvalidOperationException("The checkpoint is not verified");
        CheckIndex(received.Info.AppliedIndex);
        return new InstallJob(this, _versions, received);
    }

    /// <summary>
    /// Closes it; views and readers that are open stay usable. No job of it runs any more.
    /// </summary>
    public void Dispose()
    {
        if (_isClosed)
            return;
        _isClosed = true;
        _compaction?.Abandon();
        _share.AddMemTableBytes(-_countedBytes);
        _state.Release();
        _versions.Dispose();
    }

    /// <summary>
    /// Readers see the tables that jobs have made durable from now on; no effect if an install came between,
    /// which is completed by itself. Writer only.
    /// </summary>
    internal void Adopt()
    {
        if (_versions.TryHold(_installs) is not { } tables)
            return;
        var flushed = tables.Mark?.AppliedIndex ?? 0;
        var waiting =
            _state.MemTables.Skip(1).Where(memTable => memTable.LastSequence > flushed);
        Switch(NewState([_state.MemTables[0], .. waiting], tables));
    }

    /// <summary>Readers see the installed content, and nothing else, from now on. Writer only.</summary>
    internal void AdoptInstalled(ulong appliedIndex)
    {
        CheckIndex(appliedIndex);
        Switch(NewState([new MemTable(_options.CountedPrefix)], _versions.Hold(out _installs)), appliedIndex);
        _turns = CompactionTurns.None;
    }

    /// <summary>Lets the next checkpoint begin.</summary>
    internal void EndCheckpoint() => Volatile.Write(ref _isCheckpointing, 0);

    /// <summary>Lets the next compaction begin.</summary>
    internal void EndCompaction(CompactionTurns? turns)
    {
        if (turns is not null)
            _turns = turns;
        Volatile.Write(ref _compaction, null);
    }

    private void Add(WriteBatch batch, ulong sequence)
    {
        var memTable = _state.MemTables[0];
        foreach (ref readonly var change in batch.Changes)
            memTable.Add(batch.KeyOf(change), sequence, change.Kind, batch.ValueOf(change));
    }

    // Drops the creator's reference to a new memtable: the state holds it.
    private TreeState NewState(ImmutableArray<MemTable> memTables, TableSet heldTables)
    {
        var state = new TreeState(memTables, heldTables);
        if (!(_state?.MemTables.Contains(memTables[0]) ?? false))
            memTables[0].Release();
        return state;
    }

    private void Switch(TreeState state, ulong? appliedIndex = null)
    {
        var before = _state;
        lock (_gate)
        {
            _state = state;
            if (appliedIndex is { } index)
                Volatile.Write(ref _appliedIndex, index);
        }

        before.Release();
        CountMemory();
    }

    private void CountMemory()
    {
        long bytes = 0;
        foreach (var memTable in _state.MemTables)
            bytes += memTable.Bytes;
        if (bytes == _countedBytes)
            return;
        Invariant.Check(bytes >= 0 && _share.MemTableBytes >= _countedBytes);
        _share.AddMemTableBytes(bytes - _countedBytes);
        _countedBytes = bytes;
    }

    // Takes state and index together: under the gate the state is the present one, so it has all entries up
    // to the index, and the index hides newer ones.
    private (TreeState State, ulong Sequence) HoldState()
    {
        lock (_gate)
            return (_state.Hold(), Volatile.Read(ref _appliedIndex));
    }

    private T Look<T>(Func<TreeState, T> at)
    {
        var (state, _) = HoldState();
        try
        {
            return at(state);
        }
        finally
        {
            state.Release();
        }
    }

    private void CheckIndex(ulong appliedIndex)
    {
        if (appliedIndex < _appliedIndex)
            throw new InvalidOperationException(
                $"The applied index would fall from {_appliedIndex} to {appliedIndex}");
    }
}
