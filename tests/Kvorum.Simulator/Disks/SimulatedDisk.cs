using Kvorum.Storage.Encryption;
using Kvorum.Storage.Files;

namespace Kvorum.Simulator.Disks;

/// <summary>
/// A disk in memory that knows what is synced. <see cref="Crash(int)"/> gives the disk as it may look after a
/// power cut: each 512-byte sector that was written and not synced is lost or kept, and so is each change to
/// a name. Faults are injected by operation number, by kind, and by a byte budget. A failed sync marks what
/// it should have written as clean, as Linux does: a later sync does not write it.
/// </summary>
public sealed class SimulatedDisk : IFileSystem
{
    /// <summary>What the disk writes as one.</summary>
    public const int SectorBytes = 512;

    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, Inode> _live = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, Inode> _durable = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _folders = new(StringComparer.Ordinal) { "" };
    private readonly List<NameChange> _changes = [];
    private long _bytesInUse;

    /// <summary>Operations that changed anything so far, failed ones too.</summary>
    public int Operations { get; private set; }

    /// <summary>After so many operations the power is off: all later ones fail. Null: never.</summary>
    public int? PowerOffAfter { get; set; }

    /// <summary>True once an operation found the power off.</summary>
    public bool IsOff { get; private set; }

    /// <summary>The number of the one operation that fails. Null: none.</summary>
    public int? FailAt { get; set; }

    /// <summary>Asked before each operation ("read", too), with its name and path; a result is thrown.
    /// </summary>
    public Func<string, string, IOException?>? Fault { get; set; }

    /// <summary>True while nothing can be opened, for want of descriptors: no failed operation.</summary>
    public bool HasNoDescriptors { get; set; }

    /// <summary>Operations that failed by the will of the test or the simulator.</summary>
    public int FailedOperations { get; private set; }

    /// <summary>Most bytes all files together may have; a write over it is cut short and fails.</summary>
    public long BytesMax { get; set; } = long.MaxValue;

    /// <summary>Bytes of all files.</summary>
    public long BytesInUse
    {
        get
        {
            lock (_gate)
                return _bytesInUse;
        }
    }

    /// <summary>With these the store encrypts what it writes, here and on what is left of it.</summary>
    public DataKeys? Keys { get; set; }

    /// <summary>False spares the memory of <see cref="Trace"/> in long runs.</summary>
    public bool KeepsTrace { get; init; } = true;

    /// <summary>Names of the operations so far, for the messages of tests.</summary>
    public List<string> Trace { get; } = [];

    /// <summary>The damaged files that were read since they were damaged, by name.</summary>
    public SortedSet<string> DamageRead { get; } = new(StringComparer.Ordinal);

    /// <summary>Those of them whose bytes could not be read, so that the reader cannot but know.</summary>
    public SortedSet<string> NotRead { get; } = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public IFile Create(string path)
    {
        lock (_gate)
        {
            CheckDescriptors(path);
            Begin("create", path);
            if (_live.ContainsKey(path))
                throw new IOException($"{path}: exists");
            if (!_folders.Contains(FolderOf(path)))
                throw new IOException($"{path}: no such folder");
            var inode = new Inode();
            Change(new NameChange(path, null, inode));
            return new OpenFile(this, path, inode, forWriting: true);
        }
    }

    /// <inheritdoc/>
    public IFile Open(string path, bool forWriting)
    {
        lock (_gate)
        {
            CheckDescriptors(path);
            return new OpenFile(this, path, Find(path), forWriting);
        }
    }

    /// <inheritdoc/>
    public bool Exists(string path)
    {
        lock (_gate)
            return _live.ContainsKey(path);
    }

    /// <inheritdoc/>
    public void Delete(string path)
    {
        lock (_gate)
        {
            Begin("delete", path);
            Find(path);
            Change(new NameChange(null, path, null));
        }
    }

    /// <inheritdoc/>
    public void Rename(string from, string to)
    {
        lock (_gate)
        {
            Begin("rename", from);
            Change(new NameChange(to, from, Find(from)));
        }
    }

    /// <inheritdoc/>
    public void CreateFolder(string path)
    {
        lock (_gate)
        {
            if (_folders.Contains(path))
                return;
            Begin("create folder", path);
            for (var folder = path; folder.Length > 0; folder = FolderOf(folder))
                _folders.Add(folder);
        }
    }

    /// <inheritdoc/>
    public void DeleteFolder(string path)
    {
        lock (_gate)
        {
            Begin("delete folder", path);
            bool IsBelow(string name) => name.StartsWith(path + "/", StringComparison.Ordinal);
            foreach (var file in _live.Keys.Where(IsBelow).ToArray())
                Change(new NameChange(null, file, null));
            _folders.RemoveWhere(folder => folder == path || IsBelow(folder));
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> ListFiles(string folder)
    {
        lock (_gate)
            return [.. _live.Keys.Where(path => FolderOf(path) == folder).Select(NameOf)];
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> ListFolders(string folder)
    {
        lock (_gate)
            return [.. _folders.Where(path => path.Length > 0 && FolderOf(path) == folder).Select(NameOf)];
    }

    /// <inheritdoc/>
    public void SyncFolder(string folder)
    {
        lock (_gate)
        {
            CheckDescriptors(folder);
            Begin("sync folder", folder);
            bool Here(NameChange change) => FolderOf(change.Set ?? change.Removed!) == folder;
            foreach (var change in _changes.Where(Here))
                change.Apply(_durable);
            _changes.RemoveAll(Here);
        }
    }

    /// <inheritdoc/>
    public IDisposable LockFolder(string folder) => new MemoryStream();

    /// <inheritdoc/>
    public DiskRoom Room()
    {
        lock (_gate)
            return new DiskRoom(Math.Max(0, BytesMax - _bytesInUse), BytesMax);
    }

    /// <summary>The bytes of a file, to look at and to change behind the store's back.</summary>
    public byte[] ReadAll(string path)
    {
        lock (_gate)
            return Find(path).Bytes.ToArray();
    }

    /// <summary>Replaces a file, durably.</summary>
    public void WriteAll(string path, byte[] bytes)
    {
        lock (_gate)
        {
            var inode = Inode.Synced([.. bytes]);
            _bytesInUse += inode.Length - (_live.TryGetValue(path, out var old) ? old.Length : 0);
            _live[path] = _durable[path] = inode;
        }
    }

    /// <summary>Takes a file away, durably.</summary>
    public void Lose(string path)
    {
        lock (_gate)
        {
            if (_live.Remove(path, out var lost))
                _bytesInUse -= lost.Length;
            _durable.Remove(path);
        }
    }

    /// <summary>
    /// Flips a bit in the synced data of a file; false if the byte is not there or not synced.
    /// </summary>
    public bool Flip(string path, long at, int bit)
    {
        lock (_gate)
        {
            if (!_live.TryGetValue(path, out var inode) || !inode.IsSynced || at >= inode.Length)
                return false;
            if (!_durable.TryGetValue(path, out var durable) || durable != inode)
                return false;
            inode.Flip(at, bit);
            return true;
        }
    }

    /// <summary>
    /// Bytes of a file cannot be read from now on, until they are written again or the file is gone; false if
    /// they are not there or not synced.
    /// </summary>
    public bool Spoil(string path, long from, long end)
    {
        lock (_gate)
        {
            if (!_live.TryGetValue(path, out var inode) || !inode.IsSynced || end > inode.Length)
                return false;
            if (!_durable.TryGetValue(path, out var durable) || durable != inode)
                return false;
            inode.Spoil(from, end);
            return true;
        }
    }

    /// <summary>True if a byte of any file is damaged.</summary>
    public bool HasDamage => Damaged().Count > 0;

    /// <summary>The files in which a byte is damaged or cannot be read, by name.</summary>
    public IReadOnlyList<string> Damaged()
    {
        lock (_gate)
        {
            return
            [
                .. _live.Where(static file => file.Value.IsDamaged).Select(static file => file.Key),
            ];
        }
    }

    /// <summary>Where the newest write to a file began: what lies before it was written earlier.</summary>
    public long LastWriteOffset(string path)
    {
        lock (_gate)
            return Find(path).LastWriteOffset;
    }

    /// <summary>All files, in ordinal order, with their lengths.</summary>
    public IReadOnlyList<(string Path, long Length)> Files()
    {
        lock (_gate)
            return [.. _live.Select(file => (file.Key, file.Value.Length))];
    }

    /// <summary>
    /// All files and folders as they are now, synced: a process that died while the machine ran on.
    /// </summary>
    public SimulatedDisk Copy() => Survive(() => true);

    /// <summary>
    /// The disk after a power cut. Seed 0 loses everything that was not synced, seed 1 keeps everything,
    /// others draw for every sector and every name.
    /// </summary>
    public SimulatedDisk Crash(int seed)
    {
        var random = new Random(seed);
        return seed switch
        {
            0 => Survive(() => false),
            1 => Survive(() => true),
            _ => Survive(() => random.Next(2) == 0),
        };
    }

    /// <summary>
    /// The disk after a power cut; asked for each name and each sector whether it was kept.
    /// </summary>
    public SimulatedDisk Crash(Func<bool> keep) => Survive(keep);

    private SimulatedDisk Survive(Func<bool> keep)
    {
        lock (_gate)
        {
            SortedDictionary<string, Inode> names = new(_durable, StringComparer.Ordinal);
            foreach (var change in _changes)
            {
                if (keep())
                    change.Apply(names);
            }

            var after = new SimulatedDisk { KeepsTrace = KeepsTrace, Keys = Keys };
            after._folders.UnionWith(_folders);
            after.DamageRead.UnionWith(DamageRead);
            after.NotRead.UnionWith(NotRead);
            Dictionary<Inode, Inode> survivors = [];
            foreach ((var path, var inode) in names)
            {
                if (!survivors.TryGetValue(inode, out var survivor))
                    survivors[inode] = survivor = inode.Survive(keep);
                after._live[path] = after._durable[path] = survivor;
                after._bytesInUse += survivor.Length;
            }

            return after;
        }
    }

    private void Begin(string operation, string path)
    {
        if (Operations >= PowerOffAfter)
        {
            IsOff = true;
            throw new IOException($"{path}: {operation}: the power is off");
        }

        Operations++;
        if (KeepsTrace)
            Trace.Add($"{operation} {path}");
        if (Operations == FailAt)
            throw Failed(new IOException($"{path}: {operation}: injected"));
        if (Fault?.Invoke(operation, path) is { } error)
            throw Failed(error);
    }

    private void CheckDescriptors(string path)
    {
        if (HasNoDescriptors)
            throw new NoResourcesException($"{path}: Too many open files");
    }

    private IOException Failed(IOException error)
    {
        FailedOperations++;
        return error;
    }

    // No failure of an operation, which would excuse an end of the node: the file is damaged, no more.
    private DiskReadException NotReadable(string path, long at)
    {
        const int inputOutputError = 5;
        DamageRead.Add(path);
        NotRead.Add(path);
        return new(path, at, new IOException("a bad sector", inputOutputError));
    }

    private void Change(NameChange change)
    {
        if (change.Set is { } set && _live.TryGetValue(set, out var replaced))
            _bytesInUse -= replaced.Length;
        if (change.Set is null && change.Removed is { } removed && _live.TryGetValue(removed, out var gone))
            _bytesInUse -= gone.Length;
        change.Apply(_live);
        _changes.Add(change);
    }

    private Inode Find(string path) =>
        _live.TryGetValue(path, out var inode) ? inode : throw new IOException($"{path}: no such file");

    private static string FolderOf(string path) =>
        path.LastIndexOf('/') is var slash and >= 0 ? path[..slash] : "";

    private static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];

    private sealed record NameChange(string? Set, string? Removed, Inode? Inode)
    {
        public void Apply(SortedDictionary<string, Inode> names)
        {
            if (Removed is not null)
                names.Remove(Removed);
            if (Set is not null)
                names[Set] = Inode!;
        }
    }

    private sealed class OpenFile(SimulatedDisk disk, string path, Inode inode, bool forWriting) : IFile
    {
        private bool _closed;

        public long Length
        {
            get
            {
                lock (disk._gate)
                    return inode.Length;
            }
        }

        public int Read(long offset, Span<byte> into)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            lock (disk._gate)
            {
                if (disk.Fault?.Invoke("read", path) is { } error)
                    throw disk.Failed(error);
                var count = (int)Math.Clamp(inode.Length - offset, 0, into.Length);
                var bad = inode.FirstUnreadable(offset, count);
                // What comes before a bad sector is there, as after a read that was cut short by one.
                if (bad is { } at)
                    count = (int)(at - offset);
                if (count > 0)
                    inode.Bytes.Slice((int)offset, count).CopyTo(into);
                if (bad is not null)
                    throw disk.NotReadable(path, offset + count);
                if (inode.FlippedAt >= offset && inode.FlippedAt < offset + count)
                    disk.DamageRead.Add(path);
                return count;
            }
        }

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            lock (disk._gate)
            {
                Writing("write");
                var grows = offset + bytes.Length - inode.Length;
                var room = grows <= 0 ? grows : disk.BytesMax - disk._bytesInUse;
                if (room >= grows)
                {
                    disk._bytesInUse += Math.Max(0, grows);
                    inode.Write(offset, bytes);
                    return;
                }

                var fits = (int)Math.Clamp(bytes.Length - (grows - Math.Max(0, room)), 0, bytes.Length);
                disk._bytesInUse += Math.Max(0, offset + fits - inode.Length);
                inode.Write(offset, bytes[..fits]);
                throw disk.Failed(new DiskFullException($"{path}: No space left on device"));
            }
        }

        public void SetLength(long length)
        {
            lock (disk._gate)
            {
                Writing("set length");
                if (length - inode.Length > disk.BytesMax - disk._bytesInUse)
                    throw disk.Failed(new DiskFullException($"{path}: No space left on device"));
                disk._bytesInUse += length - inode.Length;
                inode.SetLength(length);
            }
        }

        public void Sync()
        {
            lock (disk._gate)
            {
                try
                {
                    Writing("sync");
                }
                catch (IOException) when (!disk.IsOff)
                {
                    inode.MarkClean();
                    throw;
                }

                inode.Sync();
            }
        }

        public void Dispose() => _closed = true;

        private void Writing(string operation)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            if (!forWriting)
                throw new IOException($"{path}: open for reading only");
            disk.Begin(operation, path);
        }
    }
}
