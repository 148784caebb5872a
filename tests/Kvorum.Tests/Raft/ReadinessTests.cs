using Kvorum.Raft;
using Kvorum.Simulator.Groups;

namespace Kvorum.Tests.Raft;

/// <summary>What is durable is told in order, and one may stand for all before it.</summary>
public class ReadinessTests
{
    private readonly MemoryLog _disk = new(new() { Voters = [new(1), new(2)] });
    private readonly RaftNode _node;

    public ReadinessTests() =>
        _node = new(new RaftOptions { Id = new(1) }, _disk, default, default, new Random(1));

    [Fact]
    public void The_last_Ready_stands_for_those_before_it()
    {
        var first = Take(1, commit: 0);
        var second = Take(2, commit: 2);
        var third = Take(3, commit: 3);
        _disk.Write(first);
        _disk.Write(second);
        _node.Persisted(second);
        Assert.Equal(2, _node.TakeReady().Committed.Count);
        Assert.Throws<InvariantException>(() => _node.Persisted(first));
        _disk.Write(third);
        _node.Persisted(third);
        Assert.Single(_node.TakeReady().Committed);
    }

    // The next entry of a leader.
    private Ready Take(ulong index, ulong commit)
    {
        _node.Step(new AppendEntries
        {
            From = new(2),
            To = new(1),
            Term = new(1),
            PreviousIndex = new(index - 1),
            PreviousTerm = new(index == 1 ? 0UL : 1),
            Entries = [new(new(index), new(1), EntryKind.Command, new byte[] { 1 })],
            Commit = new(commit),
        });
        return _node.TakeReady();
    }
}
