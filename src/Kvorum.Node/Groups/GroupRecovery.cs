using Kvorum.Node.Membership;
using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Groups;

/// <summary>
/// Gathers, from the replay of the shared log, what each group had durable: its hard state and the entries
/// behind its checkpoint. Used once, at the start.
/// </summary>
internal sealed class GroupRecovery(IReadOnlyDictionary<GroupId, SnapshotMetadata> checkpoints) : IGroupReplay
{
    private readonly Dictionary<GroupId, Found> _groups = [];

    private sealed class Found
    {
        public HardState State { get; set; }

        public Standing? Standing { get; set; }

        /// <summary>Consecutive; the first may be at or below the checkpoint.</summary>
        public List<Entry> Entries { get; } = [];
    }

    /// <inheritdoc/>
    public void Entry(GroupId group, ulong index, ReadOnlySpan<byte> payload)
    {
        var entries = Of(group).Entries;
        // What lies below the checkpoint is not needed, except the entry it ends with: its term tells whether
        // the rest fits. It is most of the log, and is not even copied.
        var checkpoint = CheckpointOf(group);
        if (checkpoint is not null && index < checkpoint.Index.Value)
        {
            CutFrom(entries, index);
            return;
        }

        var (kind, entry) = GroupRecords.ReadEntry(index, payload);

        if (kind == GroupRecords.SnapshotMark)
        {
            entries.Clear();
        }
        else
        {
            CutFrom(entries, index);
            if (entries.Count > 0 && entries[^1].Index.Value + 1 != index)
                throw Gap(group, entries[^1].Index.Value + 1, index);
        }

        entries.Add(entry);
    }

    /// <inheritdoc/>
    public void State(GroupId group, ReadOnlySpan<byte> payload)
    {
        var found = Of(group);
        (found.State, var standing) = GroupRecords.ReadState(payload);
        // It is kept again and again while the replica is blank, and then there is nothing to forget.
        if (standing is Discarded or Removed)
            found.Entries.Clear();
        found.Standing = standing;
    }

    /// <summary>The groups that have written anything into the log, ascending.</summary>
    public IEnumerable<GroupId> Groups => _groups.Keys.Order();

    /// <summary>Why the group's replica does not take part as others do; null if it does.</summary>
    public Standing? StandingOf(GroupId group) => _groups.GetValueOrDefault(group)?.Standing;

    /// <summary>The newest hard state of a group; nothing but zeros if it wrote none.</summary>
    public HardState StateOf(GroupId group) => _groups.GetValueOrDefault(group)?.State ?? default;

    /// <summary>The groups whose replicas were deleted from this node, with term and vote.</summary>
    public IEnumerable<(GroupId Group, HardState State)> Former => _groups
        .Where(static found => found.Value.Standing is Removed).OrderBy(static found => found.Key)
        .Select(static found => (found.Key, found.Value.State));

    /// <summary>The groups whose replicas have a standing of their own, ascending.</summary>
    public IEnumerable<(GroupId Group, Standing Standing)> Standings => _groups
        .Where(found => found.Value.Standing is not null).OrderBy(found => found.Key)
        .Select(found => (found.Key, found.Value.Standing!));

    /// <summary>
    /// The hard state and the log of a group as they were durable, over its checkpoint. A
    /// <see cref="LogDamagedException"/> if they do not follow it.
    /// </summary>
    public (HardState State, GroupLog Log) Recovered(GroupId group, SnapshotMetadata checkpoint)
    {
        var log = new GroupLog(checkpoint);
        if (!_groups.TryGetValue(group, out var found))
            return (AtLeast(default, checkpoint), log);
        foreach (var entry in IsVoid(found, checkpoint) ? [] : found.Entries)
        {
            if (entry.Index <= checkpoint.Index)
                continue;
            if (entry.Index != log.LastIndex.Next)
                throw Gap(group, log.LastIndex.Next.Value, entry.Index.Value);
            log.Append(entry);
        }

        // What is given up by the log is known there for committed before.
        if (found.State.Commit > log.LastIndex)
            throw Gap(group, log.LastIndex.Next.Value, found.State.Commit.Value + 1);
        return (AtLeast(found.State, checkpoint), log);
    }

    // A checkpoint may be durable before the term in which it came. No vote of that term has left this node,
    // because the term would be durable then.
    private static HardState AtLeast(HardState state, SnapshotMetadata checkpoint) =>
        state.Term >= checkpoint.Term ? state : state with { Term = checkpoint.Term, Vote = null };

    /// <summary>
    /// True if the log knows nothing of the group's checkpoint: a snapshot was installed, and the crash came
    /// before the log was told. Then nothing in it proves that the checkpoint is durable, and what it holds
    /// below must not be taken for what leads to it: the log is to be told before anything else.
    /// </summary>
    public bool Lacks(GroupId group, SnapshotMetadata checkpoint)
    {
        if (checkpoint.Index.Value == 0)
            return false;
        if (!_groups.TryGetValue(group, out var found))
            return true;
        // What the log gave up, it knew for committed before.
        return IsVoid(found, checkpoint)
            || (found.State.Commit < checkpoint.Index
                && !found.Entries.Exists(entry => entry.Index >= checkpoint.Index));
    }

    /// <summary>
    /// What the log needs to reach a checkpoint that was flushed here: entries are in tables only once they
    /// are durable in the log. A <see cref="LogDamagedException"/> if it does not reach it.
    /// </summary>
    public void CheckReaches(GroupId group, SnapshotMetadata flushed)
    {
        if (Lacks(group, flushed))
        {
            throw new LogDamagedException(
                $"the log of group {group} ends before index {flushed.Index}, which was flushed from it to "
                + "tables: the end of the log is missing, with votes and acknowledged writes in it. "
                + "Restore the whole folder from a copy; without one replace the node (kvorum node replace): "
                + "its peers have the data.");
        }
    }

    /// <summary>
    /// The newest entry that the log holds and knows for committed, to stand for a checkpoint that cannot be
    /// read; the beginning if the log is whole from there; null if the log tells of neither. What this
    /// replica has ever acknowledged is in the log, or before this entry.
    /// </summary>
    public SnapshotMetadata? NewestCommitted(GroupBirth birth)
    {
        if (!_groups.TryGetValue(birth.Group, out var found) || found.Entries.Count == 0)
            return null;
        var entries = found.Entries;
        var at = entries.FindLastIndex(entry => entry.Index <= found.State.Commit);
        if (at >= 0)
            return new(entries[at].Index, entries[at].Term, ConfigurationAt(birth, entries[..(at + 1)]));
        return entries[0].Index.Value == 1 && birth.At == default
            ? SnapshotMetadata.Initial(birth.First) : null;
    }

    // What was cut off the log is in the record of birth, the later changes are in the log.
    private static Configuration ConfigurationAt(GroupBirth birth, List<Entry> entries)
    {
        var configuration = birth.First;
        foreach (var entry in entries)
        {
            if (entry.Kind != EntryKind.Configuration || entry.Index <= birth.At)
                continue;
            configuration = RaftNode.After(configuration, ConfigurationCodec.DecodeChange(entry.Data.Span))
                ?? throw new LogDamagedException(
                    $"the log of group {birth.Group} changes its configuration at entry {entry.Index} in a "
                    + "way that does not fit what was before: the data folder is not whole. Restore it from "
                    + "a copy; without one replace the node (kvorum node replace): its peers have the data.");
        }

        return configuration;
    }

    // The last entry of the checkpoint has another term in the log, which had gone astray before a snapshot
    // was installed over it.
    private static bool IsVoid(Found found, SnapshotMetadata checkpoint) => found.Entries.Exists(
        entry => entry.Index == checkpoint.Index && entry.Term != checkpoint.Term);

    private SnapshotMetadata? CheckpointOf(GroupId group) =>
        checkpoints.TryGetValue(group, out var found) ? found : null;

    private Found Of(GroupId group)
    {
        if (!_groups.TryGetValue(group, out var found))
            _groups[group] = found = new();
        return found;
    }

    private static void CutFrom(List<Entry> entries, ulong index)
    {
        if (entries.Count == 0 || index > entries[^1].Index.Value)
            return;
        var at = index <= entries[0].Index.Value ? 0 : (int)(index - entries[0].Index.Value);
        entries.RemoveRange(at, entries.Count - at);
    }

    private static LogDamagedException Gap(GroupId group, ulong wanted, ulong found) => new(
        $"the log of group {group} lacks entries {wanted} to {found - 1}: the data folder is not whole. "
        + "Restore it from a copy; without one replace the node (kvorum node replace): its peers have the "
        + "data.");
}
