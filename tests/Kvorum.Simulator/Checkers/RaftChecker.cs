using Kvorum.Node;
using Kvorum.Raft;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Checkers;

// Theorems (figure 3 of the Raft paper), over what the replicas show whenever they have done something:
//   election safety        at most one node leads a term;
//   leader append-only     a leader neither removes nor overwrites entries of its log;
//   log matching           an index and a term name one entry, and one predecessor, in all logs;
//   leader completeness    an entry committed in a term is in the log of the leader of each later one;
//   state machine safety   all replicas take the same entry at an index for committed, and apply it.

/// <summary>Raft's five properties. The theorems are at the top of its file.</summary>
internal sealed class RaftChecker(SimulatedWorld world, int groups)
{
    private readonly GroupFacts[] _facts = [.. Enumerable.Range(0, groups).Select(_ => new GroupFacts())];
    private readonly Dictionary<(object Life, GroupId Group), Seen> _seen = [];

    /// <summary>What is known of each group.</summary>
    public IReadOnlyList<GroupFacts> Facts => _facts;

    // One replica in one life of its process, as it was seen last.
    private sealed class Seen
    {
        public required GroupId Group { get; init; }

        public required RaftNode Replica { get; init; }

        public Term Term { get; set; }

        public Role Role { get; set; }

        public ulong Commit { get; set; }

        public ulong Applied { get; set; }

        /// <summary>Index of the first of <see cref="Terms"/>.</summary>
        public ulong First { get; set; } = 1;

        /// <summary>The terms of the log's entries.</summary>
        public List<ulong> Terms { get; } = [];

        public ulong TermAt(ulong index) => Terms[(int)(index - First)];

        public ulong Last => First + (ulong)Terms.Count - 1;
    }

    /// <summary>
    /// Looks at a replica after it did something; true if it has applied anything.
    /// </summary>
    /// <param name="life">What ends with the replica's process: the next life is another one.</param>
    /// <param name="group">Its group.</param>
    /// <param name="raft">The replica.</param>
    /// <param name="applied">The index up to which its state machine has applied.</param>
    public bool Look(object life, GroupId group, RaftNode raft, ulong applied)
    {
        var isKnown = _seen.TryGetValue((life, group), out var seen);
        // One that was deleted and made anew begins with nothing; whether that may be, RemovalChecker says.
        if (!isKnown || seen!.Replica != raft)
        {
            _seen[(life, group)] = seen = new()
            {
                Group = group,
                Replica = raft,
                Applied = isKnown ? 0 : applied,
            };
        }

        var facts = _facts[group.Value];
        LookAtLog(facts, raft, seen);
        if (raft.CommitIndex.Value > seen.Commit)
            LookAtCommit(facts, raft, seen);
        var hasApplied = applied != seen.Applied;
        if (hasApplied)
            LookAtApplied(facts, raft, seen, applied);
        if (raft.Role == Role.Leader && (seen.Role != Role.Leader || seen.Term != raft.Term))
            LookAtLeader(facts, raft, group);
        (seen.Term, seen.Role) = (raft.Term, raft.Role);
        return hasApplied;
    }

    private void LookAtLog(GroupFacts facts, RaftNode raft, Seen seen)
    {
        var last = raft.LastIndex.Value;
        if (last == seen.Last && (last < seen.First || raft.TermAt(new(last))?.Value == seen.Terms[^1]))
            return;
        var same = Math.Min(last, seen.Last);
        while (same >= seen.First && raft.TermAt(new(same)) is { } here && here.Value != seen.TermAt(same))
            same--;
        var isLeading = raft.Role == Role.Leader && seen.Role == Role.Leader && seen.Term == raft.Term;
        if (isLeading && same < seen.Last)
            world.Fail(Broken("leader append-only", raft, seen.Group, same + 1));
        Keep(seen, same, last, raft);
        for (var index = Math.Max(same + 1, seen.First); index <= last; index++)
        {
            if (raft.EntryAt(new(index)) is not { } entry)
                continue;
            var content = ContentOf(entry);
            if (raft.TermAt(new(index - 1)) is { } before
                && !Agrees(facts.Entries, (index, entry.Term.Value), (content, before.Value)))
                world.Fail(Broken("log matching", raft, seen.Group, index));
        }
    }

    // The terms up to the index that is the same, and room for those behind it. A log that begins behind what
    // was known (a snapshot was installed) begins anew.
    private static void Keep(Seen seen, ulong same, ulong last, RaftNode raft)
    {
        if (same < seen.First || raft.TermAt(new(same)) is null)
        {
            var first = last;
            while (first > 1 && raft.EntryAt(new(first - 1)) is not null)
                first--;
            seen.First = Math.Max(1, first);
            seen.Terms.Clear();
            same = seen.First - 1;
        }

        var kept = (int)(same + 1 - seen.First);
        seen.Terms.RemoveRange(kept, seen.Terms.Count - kept);
        for (var index = same + 1; index <= last; index++)
            seen.Terms.Add(raft.TermAt(new(index))?.Value ?? 0);
    }

    private void LookAtCommit(GroupFacts facts, RaftNode raft, Seen seen)
    {
        seen.Commit = raft.CommitIndex.Value;
        if (raft.TermAt(raft.CommitIndex) is not { } term)
            return;
        if (facts.CommittedTerms.TryGetValue(seen.Commit, out var agreed) && agreed != term.Value)
            world.Fail(Broken("state machine safety (commitment)", raft, seen.Group, seen.Commit));
        var known = facts.Committed.Count == 0 ? 0 : facts.Committed[^1].Index;
        if (known >= seen.Commit)
            return;
        facts.Committed.Add((seen.Commit, term.Value, raft.Term.Value));
        for (var index = known + 1; index <= seen.Commit; index++)
        {
            if (raft.TermAt(new(index)) is not { } own)
                continue;
            facts.CommittedTerms[index] = own.Value;
            if (raft.ConfigurationAt(new(index)) is { } members)
                facts.Commit(index, own.Value, members);
        }
    }

    private void LookAtApplied(GroupFacts facts, RaftNode raft, Seen seen, ulong applied)
    {
        if (applied < seen.Applied)
            world.Fail(Broken("the applied index falls", raft, seen.Group, applied));
        if (applied > raft.CommitIndex.Value)
            world.Fail(Broken("applied and not committed", raft, seen.Group, applied));
        for (var index = seen.Applied + 1; index <= applied; index++)
        {
            // What a snapshot has jumped over was applied elsewhere.
            if (raft.EntryAt(new(index)) is { } entry
                && !Agrees(facts.Applied, index, (entry.Term.Value, ContentOf(entry))))
                world.Fail(Broken("state machine safety", raft, seen.Group, index));
        }

        seen.Applied = applied;
    }

    private void LookAtLeader(GroupFacts facts, RaftNode raft, GroupId group)
    {
        if (!Agrees(facts.Leaders, raft.Term.Value, raft.Id))
        {
            world.Fail($"election safety: both {raft.Id} and {facts.Leaders[raft.Term.Value]} lead group "
                + $"{group} in term {raft.Term}");
        }

        for (var i = facts.Committed.Count - 1; i >= 0; i--)
        {
            var (index, term, seenInTerm) = facts.Committed[i];
            if (seenInTerm >= raft.Term.Value)
                continue;
            // Log matching makes the newest stand for all before it.
            var own = raft.TermAt(new(index));
            if (raft.LastIndex.Value < index || (own is not null && own.Value.Value != term))
                world.Fail(Broken("leader completeness", raft, group, index));
            return;
        }
    }

    private static string Broken(string theorem, RaftNode raft, GroupId group, ulong index) =>
        $"{theorem}: {raft.Id}, group {group}, at index {index}";

    private static ulong ContentOf(in Entry entry) => Fingerprint.Of(entry.Data.Span) ^ (ulong)entry.Kind;

    private static bool Agrees<TKey, TFact>(Dictionary<TKey, TFact> facts, TKey key, TFact fact)
        where TKey : notnull
        where TFact : IEquatable<TFact> => facts.TryAdd(key, fact) || facts[key].Equals(fact);
}
