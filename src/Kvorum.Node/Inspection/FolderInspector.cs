using System.Globalization;
using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Node.State;
using Kvorum.Raft;
using Kvorum.Storage.Files;
using Kvorum.Storage.Inspection;
using Kvorum.Storage.Keys;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Node.Inspection;

/// <summary>
/// Reads a data folder that no node has open, every byte of it, and judges it as a start of the node would.
/// It is given a disk on which nothing can be changed. Used once. One thread.
/// </summary>
public sealed class FolderInspector
{
    private const string LogFolder = "log";
    private const string TreesFolder = GroupFolder.All;

    // LOCK and LOCK.pid belong to the process that had the folder last.
    private static readonly string[] KnownFiles =
        [IdentityFile.Name, KnownMembers.Name, KeyFile.Name, "LOCK", "LOCK.pid"];

    private readonly ReadOnlyFileSystem _files;
    private readonly List<Finding> _findings = [];
    private readonly SortedDictionary<GroupId, CheckpointTag> _tags = [];
    private readonly SortedSet<GroupId> _damagedTrees = [];
    private readonly SortedSet<GroupId> _flushed = [];

    private readonly SortedSet<GroupId> _trees = [];
    private GroupDirectory _directory = new([]);

    private FolderInspector(IFileSystem files) => _files = new ReadOnlyFileSystem(files);

    /// <summary>Inspects the folder that this disk shows.</summary>
    public static FolderReport Inspect(IFileSystem files)
    {
        var inspector = new FolderInspector(files);
        inspector.Run();
        return new(inspector._findings);
    }

    private void Run()
    {
        var identity = ReadIdentity();
        Try(KnownMembers.Name, ReadMembers);
        Try(LogFolder, () => _findings.AddRange(LogInspector.Inspect(_files, LogFolder)));
        var isLogSound = _findings.TrueForAll(finding => finding.Kind != FindingKind.Damage
            || !finding.File.StartsWith(LogFolder, StringComparison.Ordinal));
        ReadTrees();
        if (identity is not null && isLogSound && _files.ListFiles(LogFolder).Count > 0)
            Try(LogFolder, () => ReadGroups(identity));
        else if (identity is not null && !isLogSound)
            Try(LogFolder, TellLosses);
        NoteOthers();
    }

    private IdentityFile? ReadIdentity()
    {
        IdentityFile? identity = null;
        if (!_files.Exists(IdentityFile.Name))
        {
            var hasData = _files.ListFolders("").Any(folder => folder is LogFolder or TreesFolder);
            Add(IdentityFile.Name, hasData ? FindingKind.Damage : FindingKind.Note, hasData
                ? "missing, and there is data: the folder is not whole. Bring the file back from a copy of "
                    + "this very folder, or move the folder away and replace the node "
                    + "(kvorum node replace)."
                : "not there, and no data either: no node has ever started here");
            return null;
        }

        Try(IdentityFile.Name, () =>
        {
            identity = IdentityFile.Read(_files);
            Add(IdentityFile.Name, FindingKind.Sound, string.Create(
                CultureInfo.InvariantCulture,
                $"node {identity.NodeName} ({identity.NodeId}) of cluster "
                + $"{identity.ClusterId?.ToString() ?? "(no id yet)"}, {identity.Founders.Count} founders, "
                + $"{identity.PartitionCount} partitions, {(identity.Admitted ? "" : "not yet ")}admitted"));
            identity.CheckLog(_files);
            if (identity.Lost is { } lost)
                throw new NodeStartException($"this folder takes no part any more: {lost}");
        });
        return identity;
    }

    private void ReadMembers()
    {
        if (_files.Exists(KnownMembers.Name))
        {
            Add(KnownMembers.Name, FindingKind.Sound,
                $"{KnownMembers.Read(_files).Count} other members known");
        }
    }

    private void ReadTrees()
    {
        var empty = 0;
        foreach (var name in _files.ListFolders(TreesFolder))
        {
            var folder = $"{TreesFolder}/{name}";
            if (GroupFolder.GroupOf(name) is not { } group)
            {
                Add(folder, FindingKind.Note, "not the folder of a tree; it is ignored");
                continue;
            }

            Try(folder, () => empty += ReadTree(group, folder) ? 0 : 1);
        }

        if (empty > 0)
        {
            Add(TreesFolder, FindingKind.Sound,
                $"{empty} trees have no tables yet: all of theirs is in the log");
        }
    }

    // True if there is anything to say of it.
    private bool ReadTree(GroupId group, string folder)
    {
        _trees.Add(group);
        var inspector = new TreeInspector(_files, folder);
        var found = inspector.Run();
        if (found.Any(finding => finding.Kind == FindingKind.Damage))
            _damagedTrees.Add(group);
        if (inspector.Checkpoint is not { } checkpoint)
        {
            _findings.AddRange(found.Where(finding => finding.Kind != FindingKind.Sound));
            return found.Any(finding => finding.Kind != FindingKind.Sound);
        }

        _findings.AddRange(found);
        var tag = GroupRecords.ReadTag(checkpoint.Tag);
        _tags[group] = tag;
        if (!checkpoint.IsInstalled)
            _flushed.Add(group);
        if (tag.Snapshot.Index.Value != checkpoint.AppliedIndex)
        {
            _damagedTrees.Add(group);
            Add(folder, FindingKind.Damage,
                $"the manifest is at log index {checkpoint.AppliedIndex}, its tag at "
                + $"{tag.Snapshot.Index}. {GroupCheck.Remedy}");
        }

        if (group.IsMetadata && !_damagedTrees.Contains(group))
            Try(folder, ReadKeyspaces);
        return true;
    }

    // What is called how, where the birth records cannot be read.
    private void ReadKeyspaces()
    {
        using var share = new TreeShare(_files, 1 << 20);
        using var tree = Tree.OpenUnchanged(share, GroupFolder.Of(GroupId.Metadata), new());
        _directory = MetaMachine.DirectoryIn(tree);
    }

    private void ReadGroups(IdentityFile identity)
    {
        var check = new GroupCheck(_tags, _flushed);
        var found = new NodeReplay(check);
        LogInspector.Replay(_files, LogFolder, found);
        Try(KnownMembers.Name, () => KnownMembers.Read(_files).Check(found.Members));
        Try(IdentityFile.Name, () => identity.CheckRecovery(found.Recovery));
        _directory = GroupBirth.DirectoryOf(found.Births.Values);
        foreach (var group in _trees.Union(check.Known).Where(group => !found.Births.ContainsKey(group)))
            Add(LogFolder, FindingKind.Damage, NodeRecovery.UnbornMessage(group));
        foreach (var birth in found.Births.Values)
        {
            // What is missing between a damaged tree and the log has been told already.
            if (!_damagedTrees.Contains(birth.Group) && check.FaultOf(birth) is { } fault)
                Add(LogFolder, FindingKind.Damage, $"{_directory.NameOf(birth.Group)}: {fault}");
        }

        foreach (var (group, standing) in check.Standings)
            ReportStanding(group, standing);

        Add(LogFolder, FindingKind.Sound,
            $"{check.Entries} entries of {check.Known.Count} groups behind their checkpoints, written in "
                + $"{found.Lives.Count} starts of the node");
    }

    private void TellLosses()
    {
        SortedDictionary<GroupId, ulong> checkpoints = [];
        foreach (var group in _trees)
            checkpoints.Add(group, _tags.TryGetValue(group, out var tag) ? tag.Snapshot.Index.Value : 0);
        Add(LogFolder, FindingKind.Note,
            GroupLosses.Describe(LogInspector.LossesOf(_files, LogFolder), checkpoints, _directory.NameOf));
    }

    private void ReportStanding(GroupId group, Standing standing)
    {
        if (standing is Quarantined found)
        {
            Add(LogFolder, FindingKind.Decision,
                $"{_directory.NameOf(group)} is quarantined: {found.Describe(IdOf)}. "
                    + "Discard this replica, or those that contradict it: kvorum discard --help");
        }
        else if (standing is Discarded discarded)
        {
            Add(LogFolder, FindingKind.Note,
                $"{_directory.NameOf(group)} was discarded: its leader fills it when the node runs. "
                    + "Until then it votes for "
                    + (discarded.Kept is { } kept ? $"{IdOf(kept)} alone" : "no node"));
        }
    }

    private static string IdOf(NodeId node) => $"node {ClusterIdentity.ToGuid(node.Value)}";

    private void NoteOthers()
    {
        foreach (var name in _files.ListFiles("").Except(KnownFiles))
        {
            Add(name, FindingKind.Note, name.EndsWith(".part", StringComparison.Ordinal)
                ? "left over from a replacement that was cut short; it is ignored"
                : "not a file of Kvorum; it is ignored");
        }

        foreach (var name in _files.ListFolders("").Where(name => name is not (LogFolder or TreesFolder)))
            Add(name, FindingKind.Note, "not a folder of Kvorum; it is ignored");
    }

    private void Try(string file, Action read)
    {
        try
        {
            read();
        }
        catch (Exception e) when (e is IOException or NodeStartException or FormatException)
        {
            Add(file, FindingKind.Damage, e.Message);
        }
    }

    private void Add(string file, FindingKind kind, string text) => _findings.Add(new(file, kind, text));
}
