using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Node.State;
using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Inspection;

/// <summary>
/// Whether each group's part of the log fits its checkpoint and its state, by the very code that a start
/// runs: the pieces are gathered and Raft is started on them. Used once.
/// </summary>
/// <param name="tags">The tags of the trees that have a checkpoint, by group.</param>
/// <param name="flushed">The groups whose checkpoint was flushed from this log.</param>
internal sealed class GroupCheck(
    IReadOnlyDictionary<GroupId, CheckpointTag> tags, IReadOnlySet<GroupId> flushed) : IGroupReplay
{
    public const string Remedy = Storage.Remedy.ReplaceNode;

    private readonly GroupRecovery _recovery = new(tags
        .Where(tag => tag.Value.Snapshot.Index.Value > 0)
        .ToDictionary(tag => tag.Key, tag => tag.Value.Snapshot));

    private readonly SortedDictionary<GroupId, string> _faults = [];
    private readonly SortedSet<GroupId> _groups = [];

    /// <summary>Entries behind the checkpoints of all groups that were asked for.</summary>
    public long Entries { get; private set; }

    /// <summary>Groups that the log knows.</summary>
    public IReadOnlySet<GroupId> Known => _groups;

    /// <inheritdoc/>
    public void Entry(GroupId group, ulong index, ReadOnlySpan<byte> payload)
    {
        _groups.Add(group);
        if (_faults.ContainsKey(group))
            return;
        try
        {
            _recovery.Entry(group, index, payload);
        }
        catch (Exception e) when (e is FormatException or LogDamagedException)
        {
            _faults[group] = e.Message;
        }
    }

    /// <inheritdoc/>
    public void State(GroupId group, ReadOnlySpan<byte> payload)
    {
        _groups.Add(group);
        try
        {
            _recovery.State(group, payload);
        }
        catch (FormatException e)
        {
            _faults[group] = e.Message;
        }
    }

    /// <summary>Replicas that contradicted another one or were discarded.</summary>
    public IEnumerable<(GroupId Group, Standing Standing)> Standings => _recovery.Standings;

    /// <summary>What a start would refuse of the group; null if nothing.</summary>
    public string? FaultOf(GroupBirth birth)
    {
        var group = birth.Group;
        if (_faults.TryGetValue(group, out var fault))
            return fault;
        // What it was is void: nothing need fit.
        if (_recovery.StandingOf(group) is Discarded)
            return null;
        var snapshot = (tags.GetValueOrDefault(group) ?? CheckpointTag.Of(birth.First)).Snapshot;
        try
        {
            var (state, log) = _recovery.Recovered(group, snapshot);
            if (flushed.Contains(group))
                _recovery.CheckReaches(group, snapshot);
            _ = new RaftNode(new() { Id = new(1) }, log, state, snapshot.Index, new Random(0));
            ReadCommands(group, log);
            return null;
        }
        catch (LogDamagedException e)
        {
            return e.Message;
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            return $"{e.Message} {Remedy}";
        }
    }

    private void ReadCommands(GroupId group, GroupLog log)
    {
        List<Entry> entries = [];
        log.TryRead(log.FirstIndex, log.LastIndex.Next, long.MaxValue, entries);
        Entries += entries.Count;
        // The metadata group has commands of its own.
        foreach (var entry in entries.Where(entry => entry.Kind == EntryKind.Command && !group.IsMetadata))
        {
            try
            {
                CommandCodec.Decode(entry.Data);
            }
            catch (FormatException e)
            {
                throw new FormatException($"entry {entry.Index} cannot be read: {e.Message}", e);
            }
        }
    }
}
