using Kvorum.Raft;
using Kvorum.Tests.Raft.Harness;

namespace Kvorum.Tests.Raft;

public class SmokeTests
{
    [Fact]
    public void Three_nodes_elect_replicate_commit_and_read()
    {
        var configuration = new Configuration { Voters = [new(1), new(2), new(3)] };
        var logs = Enumerable.Range(0, 3).Select(_ => new MemoryLog(configuration)).ToArray();
        var nodes = Enumerable.Range(1, 3).Select(i => new RaftNode(
            new RaftOptions { Id = new((ulong)i) }, logs[i - 1], default, default, new Random(i))).ToArray();
        var applied = new List<string>[] { [], [], [] };
        var reads = new List<ReadState>();
        void Run()
        {
            for (var again = true; again;)
            {
                again = false;
                for (var i = 0; i < 3; i++)
                {
                    while (nodes[i].HasReady)
                    {
                        again = true;
                        var ready = nodes[i].TakeReady();
                        logs[i].Write(ready);
                        nodes[i].Persisted(ready);
                        foreach (var m in ready.Messages.Concat(ready.MessagesAfterPersist)) nodes[(int)m.To.Value - 1].Step(m);
                        foreach (var e in ready.Committed)
                        {
                            if (e.Kind == EntryKind.Command) applied[i].Add(System.Text.Encoding.UTF8.GetString(e.Data.Span));
                            nodes[i].Applied(e.Index);
                        }
                        reads.AddRange(ready.Reads);
                    }
                }
            }
        }
        nodes[0].Campaign();
        Run();
        Assert.Equal(Role.Leader, nodes[0].Role);
        Assert.Equal(ProposeOutcome.Accepted, nodes[0].Propose("a"u8.ToArray()).Outcome);
        nodes[0].Propose("b"u8.ToArray());
        Run();
        nodes[1].ReadIndex(7, ReadMode.Confirmed);
        nodes[0].ReadIndex(8, ReadMode.Confirmed);
        Run();
        for (var t = 0; t < 6; t++)
        {
            foreach (var n in nodes) n.Tick();
            Run();
        }
        Assert.All(applied, a => Assert.Equal(["a", "b"], a));
        Assert.Equal([new ReadState(7, new LogIndex(3)), new ReadState(8, new LogIndex(3))], reads.OrderBy(r => r.ReadId));
        nodes[0].ReadIndex(9, ReadMode.Lease);
        var lease = nodes[0].TakeReady();
        Assert.Single(lease.Reads);
        nodes[0].Persisted(lease);
        Assert.True(nodes[0].TransferLeadership(new(3)));
        Run();
        Assert.Equal(Role.Leader, nodes[2].Role);
        for (var t = 0; t < 200; t++)
        {
            foreach (var n in nodes) n.Tick();
            Run();
        }
        Assert.All(nodes, n => Assert.True(n.IsQuiescent, n.Describe()));
    }
}
