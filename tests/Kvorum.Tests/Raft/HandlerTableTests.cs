using Kvorum.Raft;
using Kvorum.Simulator.Groups;

namespace Kvorum.Tests.Raft;

/// <summary>The (role x message) table is total, and its columns are the kinds of messages.</summary>
public class HandlerTableTests
{
    private static readonly NodeId From = new(2);
    private static readonly NodeId To = new(1);

    private static readonly Message[] Samples =
    [
        new RequestVote
        {
            From = From, To = To, Term = default,
            PreVote = true, LastIndex = default, LastTerm = default, Transfer = false,
        },
        new RequestVoteReply { From = From, To = To, Term = default, PreVote = true, Granted = false },
        new AppendEntries
        {
            From = From, To = To, Term = default,
            PreviousIndex = default, PreviousTerm = default, Entries = [], Commit = default,
        },
        new AppendEntriesReply
        {
            From = From, To = To, Term = default,
            Rejected = false, Index = default, HintIndex = default, HintTerm = default,
        },
        new Heartbeat
        {
            From = From, To = To, Term = default, Commit = default, ReadRound = 0, Quiesce = false,
        },
        new HeartbeatReply { From = From, To = To, Term = default, ReadRound = 0 },
        new InstallSnapshot
        {
            From = From, To = To, Term = default,
            Snapshot = SnapshotMetadata.Initial(new Configuration { Voters = [To] }),
        },
        new TimeoutNow { From = From, To = To, Term = default },
        new ReadIndexRequest { From = From, To = To, Term = default, ReadId = 1 },
        new ReadIndexReply { From = From, To = To, Term = default, ReadId = 1, Index = null },
    ];

    [Fact]
    public void Every_kind_of_message_has_a_column()
    {
        var kinds = typeof(Message).Assembly.GetTypes()
            .Where(t => t.IsSubclassOf(typeof(Message))).ToHashSet();
        Assert.Equal(kinds, HandlerTable.Kinds.ToHashSet());
        Assert.Equal(HandlerTable.Kinds.Count, kinds.Count);
        Assert.Equal(kinds, Samples.Select(m => m.GetType()).ToHashSet());
        foreach (var message in Samples)
            Assert.Equal(message.GetType(), HandlerTable.Kinds[HandlerTable.Kind(message)]);
    }

    [Fact]
    public void Every_role_handles_every_kind()
    {
        foreach (var role in Enum.GetValues<Role>())
        {
            Assert.Equal(HandlerTable.Kinds.Count, HandlerTable.Of(role).Count);
            Assert.DoesNotContain(null, HandlerTable.Of(role));
            foreach (var message in Samples) Assert.NotNull(HandlerTable.Find(role, message));
        }
    }

    /// <summary>Each handler takes the type of its column: a cast to another would throw.</summary>
    [Theory]
    [InlineData(Role.Follower)]
    [InlineData(Role.PreCandidate)]
    [InlineData(Role.Candidate)]
    [InlineData(Role.Leader)]
    public void Handlers_fit_their_columns(Role role)
    {
        foreach (var sample in Samples)
        {
            var node = Make(role);
            // Two leaders in one term: the one thing that must never be.
            var second = role == Role.Leader && sample is (AppendEntries or Heartbeat or InstallSnapshot);
            node.Step(sample with { Term = node.Term });
            Assert.Equal(second, node.IsQuarantined);
        }
    }

    private static RaftNode Make(Role role)
    {
        var voters = new Configuration { Voters = role == Role.Leader ? [To] : [To, From] };
        var disk = new MemoryLog(voters);
        var options = new RaftOptions { Id = new(1), PreVote = role != Role.Candidate };
        var node = new RaftNode(options, disk, default, default, new Random(1));
        if (role != Role.Follower) node.Campaign();
        while (role == Role.Leader && node.HasReady)
        {
            var ready = node.TakeReady();
            disk.Write(ready);
            node.Persisted(ready);
        }
        Assert.Equal(role, node.Role);
        return node;
    }
}
