using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage.Files;
using Kvorum.Storage.Inspection;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Export;

/// <summary>
/// Writes what a stopped node's partitions of a strong keyspace hold as a plain write-ahead log: read from
/// its beginning, it gives the state that this node knows to be committed. For each partition, first the keys
/// of its checkpoint as puts, then what each committed entry behind it changed, in the order of the log, by
/// the state machine itself: a repeated request, or a condition that failed, changes nothing and is not
/// there. Nothing in the data folder is changed. Used once. One thread.
/// </summary>
public sealed class WalExport : IGroupReplay
{
    private const long CacheBytes = 16 << 20;

    private readonly ReadOnlyFileSystem _files;
    private readonly WalWriter _writer;
    private readonly long _sessionWindowMs;
    private readonly int _sessionRecordsMax;
    private readonly bool _withUnconfirmed;
    private readonly SortedDictionary<GroupId, CheckpointTag> _tags = [];
    private GroupRecovery _recovery = null!;

    private WalExport(
        IFileSystem files, IFile into, long sessionWindowMs, int sessionRecordsMax, bool withUnconfirmed)
    {
        (_files, _writer, _withUnconfirmed) = (new ReadOnlyFileSystem(files), new(into), withUnconfirmed);
        (_sessionWindowMs, _sessionRecordsMax) = (sessionWindowMs, sessionRecordsMax);
        IdentityFile.Read(_files);
    }

    /// <summary>Records that set a key.</summary>
    public long Puts { get; private set; }

    /// <summary>Records that remove one.</summary>
    public long Deletes { get; private set; }

    /// <summary>Entries of the log that this node does not know to be committed.</summary>
    public long Unconfirmed { get; private set; }

    /// <summary>Keys with a life span, for which the format has no room: they are in it without.</summary>
    public long KeysWithTtl { get; private set; }

    /// <summary>
    /// Exports to an empty file, durable when this returns. An <see cref="IOException"/>,
    /// <see cref="FormatException"/> or <see cref="NodeStartException"/> if the folder is damaged: inspect it
    /// before.
    /// </summary>
    /// <param name="files">The data folder.</param>
    /// <param name="into">The file.</param>
    /// <param name="sessionWindowMs">How long the node remembered answers.</param>
    /// <param name="sessionRecordsMax">How many of them, per partition.</param>
    /// <param name="withUnconfirmed">
    /// Exports the whole log: what no majority may have too, as a leader elected now would commit it.
    /// </param>
    /// <param name="keyspace">The keyspace: the format has no room for more than one.</param>
    public static WalExport Run(
        IFileSystem files, IFile into, long sessionWindowMs, int sessionRecordsMax,
        bool withUnconfirmed = false, string keyspace = KeyspaceName.Default)
    {
        var export = new WalExport(files, into, sessionWindowMs, sessionRecordsMax, withUnconfirmed);
        export.Run(keyspace);
        return export;
    }

    void IGroupReplay.Entry(GroupId group, ulong index, ReadOnlySpan<byte> payload)
    {
        if (!group.IsMetadata)
            _recovery.Entry(group, index, payload);
    }

    void IGroupReplay.State(GroupId group, ReadOnlySpan<byte> payload)
    {
        if (!group.IsMetadata)
            _recovery.State(group, payload);
    }

    private void Run(string keyspace)
    {
        using var share = new TreeShare(_files, CacheBytes);
        foreach (var group in GroupFolder.GroupsIn(_files).Where(static group => !group.IsMetadata))
        {
            using var tree = Open(share, group);
            if (tree.Checkpoint is { } checkpoint)
                _tags[group] = GroupRecords.ReadTag(checkpoint.Tag);
        }

        _recovery = new(_tags.Where(tag => tag.Value.Snapshot.Index.Value > 0)
            .ToDictionary(tag => tag.Key, tag => tag.Value.Snapshot));
        var replay = new NodeReplay(this);
        LogInspector.Replay(_files, "log", replay);
        var births = replay.Births.Values.Where(birth => birth.Keyspace == keyspace).ToArray();
        if (births.Length == 0)
            throw new NodeStartException($"there is no keyspace '{keyspace}' on this node");
        foreach (var birth in births)
        {
            using var tree = Open(share, birth.Group);
            Export(birth, tree);
        }

        _writer.Finish();
    }

    private void Export(GroupBirth birth, Tree tree)
    {
        var group = birth.Group;
        // Given up: its tables are left-overs.
        if (_recovery.StandingOf(group) is Discarded or Removed)
            return;
        var tag = _tags.TryGetValue(group, out var known)
            ? known : CheckpointTag.Of(birth.First);
        using (var view = tree.OpenView())
            ExportKeys(view, tag.LogTimeMs);
        var machine = new KeyValueMachine(
            tree, tag.LogTimeMs, _sessionWindowMs, _sessionRecordsMax);
        var (state, log) = _recovery.Recovered(group, tag.Snapshot);
        List<Entry> entries = [];
        log.TryRead(log.FirstIndex, log.LastIndex.Next, long.MaxValue, entries);
        // All that a node keeps for itself alone is committed by being durable.
        var committed = IsAlone(birth, entries) ? log.LastIndex : state.Commit;
        Unconfirmed += entries.Count(entry => entry.Index > committed);
        foreach (var entry in entries.Where(entry => _withUnconfirmed || entry.Index <= committed))
            Apply(machine, entry);
        using (var view = tree.OpenView())
            ExportEnded(view, machine.LogTimeMs);
    }

    private static bool IsAlone(GroupBirth birth, List<Entry> entries) =>
        birth.First is { Voters.Count: 1, Learners.Count: 0 }
        && entries.TrueForAll(static entry => entry.Kind != EntryKind.Configuration);

    private void ExportKeys(ReadView view, ulong logTimeMs)
    {
        var keys = view.Scan(new[] { RecordKeys.Data }, new[] { (byte)(RecordKeys.Data + 1) });
        foreach (var (key, value) in keys)
        {
            var record = ValueRecord.Read(value);
            if (!record.HasExpired(logTimeMs))
                Put(key.Span[1..], record.Value.Span);
        }
    }

    private void Apply(KeyValueMachine machine, in Entry entry)
    {
        if (entry.Kind != EntryKind.Command)
        {
            machine.Skip(entry.Index);
            return;
        }

        machine.Apply(entry.Index, entry.Data);
        var changes = machine.Changes;
        for (var i = 0; i < changes.Count; i++)
        {
            var key = changes.KeyAt(i);
            if (key[0] != RecordKeys.Data)
                continue;
            if (changes.IsDeleteAt(i))
                Delete(key[1..]);
            else
                Put(key[1..], changes.ValueAt(i)[ValueRecord.HeadBytes..]);
        }
    }

    // Keys whose end has come read as absent, though no entry of the log has removed them yet.
    private void ExportEnded(ReadView view, ulong logTimeMs)
    {
        var ends = view.Scan(new[] { RecordKeys.Expiry }, new[] { (byte)(RecordKeys.Expiry + 1) });
        foreach (var (record, _) in ends)
        {
            var (expires, key) = RecordKeys.ReadExpiry(record);
            if (expires <= logTimeMs)
                Delete(key.Span);
            else
                KeysWithTtl++;
        }
    }

    private void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        Puts++;
        _writer.Add(isDelete: false, key, value);
    }

    private void Delete(ReadOnlySpan<byte> key)
    {
        Deletes++;
        _writer.Add(isDelete: true, key, default);
    }

    private static Tree Open(TreeShare share, GroupId group) => Tree.OpenUnchanged(
        share, GroupFolder.Of(group), new TreeOptions());
}
