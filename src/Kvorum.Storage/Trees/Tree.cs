using Kvorum.Storage.Files;

namespace Kvorum.Storage.Trees;

/// <summary>
/// One partition replica's data: ordered keys and values, the index up to which the group's log is applied,
/// and a small opaque tag, changed together. One writer (the node loop), any number of readers on other
/// threads. What is written since the last checkpoint is in memory only: the shared log brings it back after
/// a crash.
/// </summary>
public sealed class Tree : IDisposable
{
    private readonly TreeOptions _options;
    private readonly CheckpointFolder _folder;

    // Guards the nodes: held for one look-up or one batch.
    private readonly Lock _gate = new();
    private readonly NodeTree _nodes = new();
    private ulong _appliedIndex;
    private bool _checkpointing;

    private ulong _generation;

    private Tree(CheckpointFolder folder, TreeOptions options) => (_folder, _options) = (folder, options);

    /// <summary>
    /// Opens the newest complete checkpoint in the folder, or an empty tree; removes left-overs of unfinished
    /// ones. Damage is a <see cref="TreeDamagedException"/>.
    /// </summary>
    public static Tree Open(IFileSystem files, string folder, TreeOptions options)
    {
        var checkpoints = new CheckpointFolder(files, folder);
        var tree = new Tree(checkpoints, options) { _generation = checkpoints.Open() };
        if (tree._generation == 0)
            return tree;

        string path = checkpoints.PathOf(tree._generation);
        using IFile file = files.Open(path, forWriting: false);
        var loader = new CheckpointLoader(file, path);
        tree.Checkpoint = loader.Load();
        tree._nodes.Replace(loader.Nodes.Root, loader.Nodes.Count, loader.Nodes.Bytes);
        tree._appliedIndex = tree.Checkpoint.AppliedIndex;
        checkpoints.RemoveOld();
        return tree;
    }

    /// <summary>The log index up to which writes are applied. Any thread.</summary>
    public ulong AppliedIndex
    {
        get
        {
            lock (_gate)
                return _appliedIndex;
        }
    }

    /// <summary>Approximate bytes of keys and values. Any thread.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
                return _nodes.Bytes;
        }
    }

    /// <summary>Number of keys. Any thread.</summary>
    public long Count
    {
        get
        {
            lock (_gate)
                return _nodes.Count;
        }
    }

    /// <summary>The newest checkpoint on disk; null if none. Writer only.</summary>
    public CheckpointInfo? Checkpoint { get; private set; }

    /// <summary>
    /// Applies the changes and moves the applied index, visible to readers together. Writer only; the index
    /// never falls.
    /// </summary>
    public void Write(WriteBatch batch, ulong appliedIndex)
    {
        lock (_gate)
        {
            CheckIndex(appliedIndex);
            foreach (ref readonly WriteBatch.Change change in batch.Changes)
            {
                ReadOnlySpan<byte> key = batch.KeyOf(change);
                if (change.Value is { } value)
                    _nodes.Put(key, value);
                else
                    _nodes.Delete(key);
            }

            _appliedIndex = appliedIndex;
        }
    }

    /// <summary>
    /// Looks a key up in the newest state. The memory is never changed afterwards. Any thread.
    /// </summary>
    public bool TryGet(ReadOnlySpan<byte> key, out ReadOnlyMemory<byte> value)
    {
        byte[]? found;
        lock (_gate)
            found = NodeTree.Find(_nodes.Root, key);
        value = found;
        return found is not null;
    }

    /// <summary>
    /// A frozen view of the present state, cheap to take. Writer only; the view may be read on any thread.
    /// Dispose it.
    /// </summary>
    public ReadView OpenView()
    {
        lock (_gate)
            return new ReadView(_nodes.Root, _appliedIndex, _nodes.Count, _nodes.Freeze(), CloseView);
    }

    /// <summary>
    /// Starts a checkpoint of the present state. Writer only, one at a time. The caller runs
    /// <see cref="CheckpointJob.Write"/> on a background lane and then, on the writer,
    /// <see cref="CheckpointJob.Complete"/>.
    /// </summary>
    /// <param name="tag">Opaque bytes to keep in it (the snapshot's metadata).</param>
    public CheckpointJob BeginCheckpoint(ReadOnlySpan<byte> tag)
    {
        lock (_gate)
        {
            if (_checkpointing)
                throw new InvalidOperationException("A checkpoint of this tree is already being made");
            _checkpointing = true;
        }

        return new CheckpointJob(this, _folder, OpenView(), _options.BlockBytes, tag.ToArray());
    }

    /// <summary>
    /// Opens the newest checkpoint as bytes to be sent to another replica; stays readable until disposed,
    /// whatever newer ones come. Null if none. Writer only.
    /// </summary>
    public CheckpointReader? OpenCheckpoint() =>
        Checkpoint is { } info ? new CheckpointReader(_folder, _generation, info) : null;

    /// <summary>
    /// Starts receiving a checkpoint from another replica. Its file is separate until <see cref="Install"/>.
    /// Any thread that owns it.
    /// </summary>
    public CheckpointReceiver BeginReceive(CheckpointInfo info) => new(_folder, info);

    /// <summary>
    /// Replaces the whole content by a verified received checkpoint, atomically on disk (after a crash: all
    /// old or all new). Writer only. Takes the receiver over. The index never falls.
    /// </summary>
    public void Install(CheckpointReceiver received)
    {
        NodeBuilder content = received.Content
            ?? throw new InvalidOperationException("The checkpoint is not verified");
        lock (_gate)
            CheckIndex(received.Info.AppliedIndex);

        // Above every generation so far, also that of a checkpoint which is just being made.
        ulong generation = _folder.NextGeneration();
        _folder.Publish(received.Generation, generation);
        received.Installed();
        lock (_gate)
        {
            _nodes.Replace(content.Root, content.Count, content.Bytes);
            _appliedIndex = received.Info.AppliedIndex;
        }

        Adopt(generation, received.Info);
    }

    /// <summary>Closes it; views and readers that are open stay usable.</summary>
    public void Dispose()
    {
        // Nothing is held open between calls: files belong to readers, jobs and receivers.
    }

    /// <summary>A published file becomes the tree's newest, if it is.</summary>
    internal CheckpointInfo Adopt(ulong generation, CheckpointInfo info)
    {
        if (_folder.MakeCurrent(generation))
            (_generation, Checkpoint) = (generation, info);
        return Checkpoint!;
    }

    /// <summary>Lets the next checkpoint begin.</summary>
    internal void EndCheckpoint()
    {
        lock (_gate)
            _checkpointing = false;
    }

    private void CloseView(long number)
    {
        lock (_gate)
            _nodes.Thaw(number);
    }

    private void CheckIndex(ulong appliedIndex)
    {
        if (appliedIndex < _appliedIndex)
            throw new InvalidOperationException(
                $"The applied index would fall from {_appliedIndex} to {appliedIndex}");
    }
}
