using Kvorum.Node.Groups;

namespace Kvorum.Tests.Node.Groups;

public class EntryArenaTests
{
    [Fact]
    public void What_is_kept_never_changes_whatever_comes_after()
    {
        var random = new Random(1);
        var arena = new EntryArena();
        List<(byte[] Given, ReadOnlyMemory<byte> Kept)> all = [];
        for (var i = 0; i < 2000; i++)
        {
            var data = new byte[random.Next(8) == 0 ? random.Next(40_000) : random.Next(300)];
            random.NextBytes(data);
            all.Add(((byte[])data.Clone(), arena.Keep(data)));
        }

        Assert.All(all, pair => Assert.True(pair.Kept.Span.SequenceEqual(pair.Given)));
    }
}
