using System.Text;
using Kvorum.Node.Leaderless;
using Limits = Kvorum.Node.Limits;

namespace Kvorum.Tests.Node.Leaderless;

public class SupersededWritesTests
{
    [Fact]
    public void All_are_counted_and_the_newest_kept()
    {
        var writes = new SupersededWrites();
        for (var n = 1; n <= Limits.SupersededKept + 3; n++)
            writes.Add(Encoding.UTF8.GetBytes($"k{n}"), new(new((ulong)n), new(1)), new(new(99), new(2)), n);
        Assert.Equal(Limits.SupersededKept + 3, writes.Count);
        Assert.Equal(Limits.SupersededKept, writes.Newest.Count);
        var oldest = writes.Newest[0];
        Assert.Equal(
            ("azQ=", false, "4@0000000000000001", "99@0000000000000002", 4L),
            (oldest.KeyBase64, oldest.IsKeyCut, oldest.Lost, oldest.Won, oldest.AtMs));
    }

    [Fact]
    public void A_long_key_is_cut()
    {
        var writes = new SupersededWrites();
        writes.Add(new byte[Limits.SupersededKeyBytes], new(new(1), new(1)), new(new(2), new(2)), 1);
        writes.Add(new byte[Limits.SupersededKeyBytes + 1], new(new(1), new(1)), new(new(2), new(2)), 1);
        Assert.Equal([false, true], writes.Newest.Select(static write => write.IsKeyCut));
        Assert.All(writes.Newest, static write => Assert.Equal(
            Limits.SupersededKeyBytes, Convert.FromBase64String(write.KeyBase64).Length));
    }
}
