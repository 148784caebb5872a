using System.Runtime.InteropServices;
using Kvorum.Storage.Files;

namespace Kvorum.Tests.Storage.Files;

/// <summary>
/// A disk in memory that knows what is synced. <see cref="Crash"/> gives the disk as it may look after a
/// power cut: each 512-byte sector that was written and not synced is lost or kept, and so is each change to
/// a name. Faults are injected by operation number, by kind, and by a byte budget. A failed sync marks what
/// it should have written as clean, as Linux does: a later sync does not write it.
/// </summary>
public sealed class CrashFileSystem : IFileSystem
{
    public const int SectorBytes = 512;

    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, Inode> _live = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, Inode> _durable = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _folders = new(StringComparer.Ordinal) { "" };
    private readonly List<NameChange> _changes = [];

    /// <summary>Operations that changed anything so far, failed ones too.</summary>
    public int Operations { get; private set; }

    /// <summary>
    /// After that many operations the power is off: the next and all later ones fail. Null: never.
    /// </summary>
    public int? PowerOffAfter { get; set; }

    /// <summary>The number of the one operation that fails. Null: none.</summary>
    public int? FailAt { get; set; }

    /// <summary>Asked before each changing operation, with its name and path; a result is thrown.</summary>
    public Func<string, string, IOException?>? Fault { get; set; }

    /// <summary>Most bytes all files together may have; a write over it is cut short and fails.</summary>
    public long BytesMax { get; set; } = long.MaxValue;

    /// <summary>Names of the operations so far, for the messages of tests.</summary>
    public List<string> Trace { get; } = [];

    public IFile Create(string path)
    {
        lock (_gate)
        {
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

    public IFile Open(string path, bool forWriting)
    {
        lock (_gate)
            return new OpenFile(this, path, Find(path), forWriting);
    }

    public bool Exists(string path)
    {
        lock (_gate)
            return _live.ContainsKey(path);
    }

    public void Delete(string path)
    {
        lock (_gate)
        {
            Begin("delete", path);
            Find(path);
            Change(new NameChange(null, path, null));
        }
    }

    public void Rename(string from, string to)
    {
        lock (_gate)
        {
            Begin("rename", from);
            Change(new NameChange(to, from, Find(from)));
        }
    }

    public void CreateFolder(string path)
    {
        lock (_gate)
        {
            if (_folders.Contains(path))
                return;
            Begin("create folder", path);
            for (string folder = path; folder.Length > 0; folder = FolderOf(folder))
                _folders.Add(folder);
        }
    }

    public void DeleteFolder(string path)
    {
        lock (_gate)
        {
            Begin("delete folder", path);
            bool IsBelow(string name) => name.StartsWith(path + "/", StringComparison.Ordinal);
            foreach (string file in _live.Keys.Where(IsBelow).ToArray())
                Change(new NameChange(null, file, null));
            _folders.RemoveWhere(folder => folder == path || IsBelow(folder));
        }
    }

    public IReadOnlyList<string> ListFiles(string folder)
    {
        lock (_gate)
            return [.. _live.Keys.Where(path => FolderOf(path) == folder).Select(NameOf)];
    }

    public IReadOnlyList<string> ListFolders(string folder)
    {
        lock (_gate)
            return [.. _folders.Where(path => path.Length > 0 && FolderOf(path) == folder).Select(NameOf)];
    }

    public void SyncFolder(string folder)
    {
        lock (_gate)
        {
            Begin("sync folder", folder);
            bool Here(NameChange change) => FolderOf(change.Set ?? change.Removed!) == folder;
            foreach (NameChange change in _changes.Where(Here))
                change.Apply(_durable);
            _changes.RemoveAll(Here);
        }
    }

    public IDisposable LockFolder(string folder) => new MemoryStream();

    /// <summary>The bytes of a file, to look at and to change behind the store's back.</summary>
    public byte[] ReadAll(string path)
    {
        lock (_gate)
            return Find(path).Live.ToArray();
    }

    /// <summary>Replaces a file, durably.</summary>
    public void WriteAll(string path, byte[] bytes)
    {
        lock (_gate)
        {
            var inode = new Inode { Live = [.. bytes], Durable = [.. bytes] };
            _live[path] = _durable[path] = inode;
        }
    }

    /// <summary>Takes a file away, durably.</summary>
    public void Lose(string path)
    {
        lock (_gate)
        {
            _live.Remove(path);
            _durable.Remove(path);
        }
    }

    /// <summary>
    /// All files and folders as they are now, synced: a process that died while the machine ran on.
    /// </summary>
    public CrashFileSystem Copy() => Survive(_ => true);

    /// <summary>
    /// The disk after a power cut. Seed 0 loses everything that was not synced, seed 1 keeps everything,
    /// others draw for every sector and every name.
    /// </summary>
    public CrashFileSystem Crash(int seed)
    {
        var random = new Random(seed);
        return seed switch
        {
            0 => Survive(_ => false),
            1 => Survive(_ => true),
            _ => Survive(_ => random.Next(2) == 0),
        };
    }

    private CrashFileSystem Survive(Func<int, bool> keep)
    {
        lock (_gate)
        {
            SortedDictionary<string, Inode> names = new(_durable, StringComparer.Ordinal);
            foreach (NameChange change in _changes)
            {
                if (keep(0))
                    change.Apply(names);
            }

            var after = new CrashFileSystem();
            after._folders.UnionWith(_folders);
            Dictionary<Inode, Inode> survivors = [];
            foreach ((string path, Inode inode) in names)
            {
                if (!survivors.TryGetValue(inode, out Inode? survivor))
                    survivors[inode] = survivor = inode.Survive(keep);
                after._live[path] = after._durable[path] = survivor;
            }

            return after;
        }
    }

    private void Begin(string operation, string path)
    {
        if (Operations >= PowerOffAfter)
            throw new IOException($"{path}: {operation}: the power is off");
        Operations++;
        Trace.Add($"{operation} {path}");
        if (Operations == FailAt)
            throw new IOException($"{path}: {operation}: injected");
        if (Fault?.Invoke(operation, path) is { } error)
            throw error;
    }

    private void Change(NameChange change)
    {
        change.Apply(_live);
        _changes.Add(change);
    }

    private Inode Find(string path) =>
        _live.TryGetValue(path, out Inode? inode) ? inode : throw new IOException($"{path}: no such file");

    private long BytesInUse => _live.Values.Distinct().Sum(inode => (long)inode.Live.Count);

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

    private sealed class Inode
    {
        public List<byte> Live { get; init; } = [];

        public List<byte> Durable { get; set; } = [];

        public SortedSet<long> Dirty { get; } = [];

        public bool LengthDirty { get; set; }

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            SetLength(Math.Max(Live.Count, offset + bytes.Length));
            bytes.CopyTo(CollectionsMarshal.AsSpan(Live)[(int)offset..]);
            for (long sector = offset / SectorBytes; sector * SectorBytes < offset + bytes.Length; sector++)
                Dirty.Add(sector);
        }

        public void SetLength(long length)
        {
            if (length == Live.Count)
                return;
            CollectionsMarshal.SetCount(Live, (int)length);
            LengthDirty = true;
        }

        public void Sync()
        {
            Resize(Durable, Live.Count);
            foreach (long sector in Dirty)
                CopySector(sector, Durable);
            Clean();
        }

        public void Clean()
        {
            Dirty.Clear();
            LengthDirty = false;
        }

        public Inode Survive(Func<int, bool> keep)
        {
            List<byte> bytes = [.. Durable];
            if (LengthDirty && keep(0))
                Resize(bytes, Live.Count);
            foreach (long sector in Dirty.Where(_ => keep(0)))
                CopySector(sector, bytes);
            return new Inode { Live = bytes, Durable = [.. bytes] };
        }

        private static void Resize(List<byte> bytes, int length)
        {
            if (length < bytes.Count)
                bytes.RemoveRange(length, bytes.Count - length);
            else
                bytes.AddRange(new byte[length - bytes.Count]);
        }

        private void CopySector(long sector, List<byte> target)
        {
            int from = (int)sector * SectorBytes;
            for (int i = from; i < Math.Min(from + SectorBytes, Math.Min(Live.Count, target.Count)); i++)
                target[i] = Live[i];
        }
    }

    private sealed class OpenFile(CrashFileSystem disk, string path, Inode inode, bool forWriting) : IFile
    {
        private bool _closed;

        public long Length
        {
            get
            {
                lock (disk._gate)
                    return inode.Live.Count;
            }
        }

        public int Read(long offset, Span<byte> into)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            lock (disk._gate)
            {
                int count = (int)Math.Clamp(inode.Live.Count - offset, 0, into.Length);
                if (count > 0)
                    CollectionsMarshal.AsSpan(inode.Live).Slice((int)offset, count).CopyTo(into);
                return count;
            }
        }

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            lock (disk._gate)
            {
                Writing("write");
                long grows = offset + bytes.Length - inode.Live.Count;
                long room = grows <= 0 ? grows : disk.BytesMax - disk.BytesInUse;
                if (room >= grows)
                {
                    inode.Write(offset, bytes);
                    return;
                }

                int fits = (int)Math.Clamp(bytes.Length - (grows - Math.Max(0, room)), 0, bytes.Length);
                inode.Write(offset, bytes[..fits]);
                throw new IOException($"{path}: No space left on device");
            }
        }

        public void SetLength(long length)
        {
            lock (disk._gate)
            {
                Writing("set length");
                if (length - inode.Live.Count > disk.BytesMax - disk.BytesInUse)
                    throw new IOException($"{path}: No space left on device");
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
                catch (IOException) when (disk.Operations < (disk.PowerOffAfter ?? int.MaxValue))
                {
                    inode.Clean();
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
