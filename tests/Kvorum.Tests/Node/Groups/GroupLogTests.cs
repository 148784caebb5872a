using Kvorum.Node.Groups;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Groups;

public class GroupLogTests
{
    private static readonly Configuration One = new() { Voters = [new(1)] };

    [Fact]
    public void A_checkpoint_keeps_as_many_bytes_below_it_as_asked()
    {
        var log = Filled(10);
        log.TruncatePrefix(new(new(8), new(1), One), trailingBytes: 25);
        Assert.Equal((7UL, 10UL), (log.FirstIndex.Value, log.LastIndex.Value));
        Assert.Equal(new Term(1), log.TermOf(new(6)));
        Assert.Null(log.TermOf(new(5)));
        Assert.False(log.TryRead(new(6), new(8), 100, []));
    }

    [Fact]
    public void Reads_stop_at_the_bound_but_give_at_least_one()
    {
        var log = Filled(5);
        List<Entry> read = [];
        Assert.True(log.TryRead(new(2), new(6), 1, read));
        Assert.Equal([2UL], read.Select(entry => entry.Index.Value));
        read.Clear();
        log.TryRead(new(2), new(6), 20, read);
        Assert.Equal([2UL, 3UL], read.Select(entry => entry.Index.Value));
    }

    [Fact]
    public void A_snapshot_starts_the_log_anew()
    {
        var log = Filled(5);
        log.Reset(new(new(50), new(7), One));
        Assert.Equal((51UL, 50UL, new Term(7)), (log.FirstIndex.Value, log.LastIndex.Value, log.TermOf(new(50))));
        log.Append(new Entry(new(51), new(8), EntryKind.Noop, default));
        Assert.Throws<InvariantException>(() => log.Append(new Entry(new(53), new(8), EntryKind.Noop, default)));
    }

    private static GroupLog Filled(ulong entries)
    {
        var log = new GroupLog(SnapshotMetadata.Initial(One));
        for (ulong index = 1; index <= entries; index++)
            log.Append(new Entry(new(index), new(1), EntryKind.Command, new byte[10]));
        return log;
    }
}
