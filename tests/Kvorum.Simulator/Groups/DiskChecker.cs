using Kvorum.Raft;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Groups;

// Theorems, over the members of one group and their disks:
//   durable before told    no vote and no acknowledgement leaves before what it speaks of is on disk;
//   committed is durable   what a member knows to be committed is on the disks of a majority, and of a
//                          majority of the outgoing voters too while there are such.

/// <summary>What disks must hold. The theorems are at the top of its file.</summary>
internal sealed class DiskChecker(SimulatedWorld world, Func<NodeId, MemoryLog> diskOf)
{
    /// <summary>The newest index that any member ever knew to be committed.</summary>
    public ulong CommittedMax { get; private set; }

    /// <summary>Looks at a message that leaves its sender.</summary>
    public void Leaves(Message message)
    {
        var disk = diskOf(message.From);
        var state = disk.HardState;
        switch (message)
        {
            case RequestVote { PreVote: false }:
                var isOwn = state.Term == message.Term && state.Vote == message.From;
                world.Require(isOwn, "durable before told: a candidate's own vote");
                break;
            case RequestVoteReply { PreVote: false, Granted: true }:
                var isKept = state.Term > message.Term
                    || (state.Term == message.Term && state.Vote == message.To);
                world.Require(isKept, "durable before told: a vote");
                break;
            case AppendEntriesReply { Rejected: false } reply:
                var isWritten = disk.LastIndex >= reply.Index && state.Term >= message.Term;
                world.Require(isWritten, "durable before told: entries");
                break;
        }
    }

    /// <summary>Looks at a member after it did something.</summary>
    public void Look(RaftNode node)
    {
        if (node.CommitIndex.Value <= CommittedMax)
            return;
        CommittedMax = node.CommitIndex.Value;
        if (node.TermAt(node.CommitIndex) is not { } term)
            return;
        RequireMajority(node, term, node.Configuration.Voters);
        RequireMajority(node, term, node.Configuration.Outgoing);
    }

    private void RequireMajority(RaftNode node, Term term, IReadOnlyList<NodeId> voters)
    {
        var holders = 0;
        foreach (var voter in voters)
        {
            var disk = diskOf(voter);
            if (disk.Snapshot.Index >= node.CommitIndex || disk.TermOf(node.CommitIndex) == term)
                holders++;
        }

        if (voters.Count > 0 && holders <= voters.Count / 2)
            world.Fail($"committed is durable: {node.Id} knows {node.CommitIndex} to be, and it is not");
    }
}
