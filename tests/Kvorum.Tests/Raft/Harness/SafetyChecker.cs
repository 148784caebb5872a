using Kvorum.Raft;

namespace Kvorum.Tests.Raft.Harness;

/// <summary>
/// Raft's five properties (figure 3 of the paper) as theorems over what the replicas show, and the promise behind them:
/// what is committed lies on the disks of a majority.
/// </summary>
internal sealed class SafetyChecker
{
    private readonly Dictionary<ulong, NodeId> leaders = [];
    private readonly Dictionary<(ulong Index, ulong Term), (string Data, ulong PreviousTerm)> entries = [];
    private readonly Dictionary<ulong, (ulong Term, string Data)> applied = [];
    private readonly Dictionary<ulong, ulong> committed = [];
    private readonly Dictionary<NodeId, (ulong Term, ulong Last, ulong LastTerm)> leading = [];

    /// <summary>The newest index that any replica ever knew to be committed.</summary>
    public ulong CommittedMax { get; private set; }

    /// <summary>Log matching: an index and a term name one entry, and one predecessor.</summary>
    public void Appended(RaftNode node, IReadOnlyList<Entry> batch)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            var entry = batch[i];
            var previousTerm = i > 0 ? batch[i - 1].Term : node.TermAt(entry.Index.Previous);
            if (previousTerm is not { } previous) continue;
            var seen = ($"{entry.Kind}:{Convert.ToHexString(entry.Data.Span)}", previous.Value);
            if (!entries.TryAdd((entry.Index.Value, entry.Term.Value), seen))
                Require(entries[(entry.Index.Value, entry.Term.Value)] == seen, $"log matching at {entry.Index} of {node.Id}");
        }
    }

    /// <summary>State machine safety: all replicas apply the same entry at an index, in order.</summary>
    public void Applied(NodeId node, Entry entry)
    {
        var seen = (entry.Term.Value, Convert.ToHexString(entry.Data.Span));
        if (!applied.TryAdd(entry.Index.Value, seen))
            Require(applied[entry.Index.Value] == seen, $"state machine safety at {entry.Index} of {node}");
        Require(committed.TryGetValue(entry.Index.Value, out var term) && term == entry.Term.Value,
            $"{node} applied {entry.Index}, which is not committed");
    }

    /// <summary>Looks at a replica after it did something.</summary>
    public void Observe(RaftNode node, Func<NodeId, MemoryLog> diskOf)
    {
        if (node.Role == Role.Leader) ObserveLeader(node);
        else leading.Remove(node.Id);
        if (node.CommitIndex.Value > CommittedMax)
        {
            for (var index = CommittedMax + 1; index <= node.CommitIndex.Value; index++)
            {
                if (node.TermAt(new(index)) is { } term) committed[index] = term.Value;
            }
            CommittedMax = node.CommitIndex.Value;
            RequireOnDisks(node, diskOf);
        }
        if (node.TermAt(node.CommitIndex) is { } mine && committed.TryGetValue(node.CommitIndex.Value, out var agreed))
            Require(mine.Value == agreed, $"{node.Id} takes another entry at {node.CommitIndex} for committed");
    }

    /// <summary>No vote and no acknowledgement leaves before what it speaks of is durable.</summary>
    public static void Leaves(Message message, MemoryLog disk)
    {
        var state = disk.HardState;
        switch (message)
        {
            case RequestVote { PreVote: false }:
                Require(state.Term == message.Term && state.Vote == message.From, "a candidate's own vote is not durable");
                break;
            case RequestVoteReply { PreVote: false, Granted: true }:
                var kept = state.Term > message.Term || (state.Term == message.Term && state.Vote == message.To);
                Require(kept, "a vote that left is not durable");
                break;
            case AppendEntriesReply { Rejected: false } reply:
                Require(disk.LastIndex >= reply.Index && state.Term >= message.Term, "an acknowledged entry is not durable");
                break;
        }
    }

    /// <summary>The replica crashed: what it led is over.</summary>
    public void Crashed(NodeId node) => leading.Remove(node);

    private void ObserveLeader(RaftNode node)
    {
        var term = node.Term.Value;
        if (leaders.TryAdd(term, node.Id)) RequireComplete(node);
        Require(leaders[term] == node.Id, $"election safety: {leaders[term]} and {node.Id} lead term {term}");
        if (leading.TryGetValue(node.Id, out var before) && before.Term == term)
        {
            Require(node.LastIndex.Value >= before.Last, $"leader {node.Id} shortened its log");
            var kept = node.TermAt(new(before.Last));
            Require(kept is null || kept.Value.Value == before.LastTerm, $"leader {node.Id} overwrote its log");
        }
        leading[node.Id] = (term, node.LastIndex.Value, node.TermAt(node.LastIndex)!.Value.Value);
    }

    /// <summary>Leader completeness: who wins an election has all that was committed before.</summary>
    private void RequireComplete(RaftNode node)
    {
        Require(node.LastIndex.Value >= CommittedMax, $"leader {node.Id} lacks what was committed up to {CommittedMax}");
        for (var index = CommittedMax; index > 0 && node.TermAt(new(index)) is { } term; index--)
        {
            if (committed.TryGetValue(index, out var agreed))
                Require(term.Value == agreed, $"leader completeness at {index} of {node.Id}");
        }
    }

    private void RequireOnDisks(RaftNode node, Func<NodeId, MemoryLog> diskOf)
    {
        if (node.TermAt(node.CommitIndex) is not { } term) return;
        bool Holds(NodeId member)
        {
            var disk = diskOf(member);
            return disk.Snapshot.Index >= node.CommitIndex || disk.TermOf(node.CommitIndex) == term;
        }
        foreach (var half in new[] { node.Configuration.Voters, node.Configuration.Outgoing })
        {
            Require(half.Count == 0 || half.Count(Holds) > half.Count / 2,
                $"{node.Id} committed {node.CommitIndex}, which is not durable on a majority");
        }
    }

    private static void Require(bool condition, string otherwise) => Assert.True(condition, otherwise);
}
