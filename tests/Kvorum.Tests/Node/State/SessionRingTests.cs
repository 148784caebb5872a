using System.Text;
using Kvorum.Node.State;

namespace Kvorum.Tests.Node.State;

public class SessionRingTests
{
    /// <summary>Whatever is added and removed: what is found is what a plain list has, the newest of
    /// twins.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 5)]
    [InlineData(3, 40)]
    [InlineData(4, 1000)]
    public void It_finds_what_a_list_would(int seed, int recordsMax)
    {
        var random = new Random(seed);
        var clients = Enumerable.Range(0, 4)
            .Select(i => new SessionClient(Encoding.UTF8.GetBytes($"c{i}"))).ToArray();
        var ring = new SessionRing(recordsMax);
        // Places far beyond 32 bits, and across the end of those.
        var first = (seed % 2 == 0 ? 1UL : 5UL) * uint.MaxValue;
        ring.Clear(first - 100);
        List<(SessionClient Client, ulong Request, ulong Place)> model = [];
        for (var step = 0; step < 20_000; step++)
        {
            var client = clients[random.Next(clients.Length)];
            var request = (ulong)random.Next(2 * recordsMax);
            if (random.Next(5) < 3)
            {
                model.Add((client, request, ring.Next));
                ring.Add(new SessionRecord { Client = client, RequestId = request, Version = ring.Next });
            }

            while (model.Count > recordsMax || (model.Count > 0 && random.Next(5) == 0))
            {
                Assert.Equal(model[0].Place, ring.First);
                ring.RemoveOldest();
                model.RemoveAt(0);
            }

            Assert.Equal(model.Count, ring.Count);
            // Mostly many have come and gone since the last look.
            if (random.Next(10) != 0)
                continue;
            var expected = model.FindLastIndex(one => one.Client == client && one.Request == request);
            var found = ring.Find(client, request);
            Assert.Equal(expected < 0 ? null : model[expected].Place, found);
            if (found is { } place)
                Assert.Equal(place, ring[place].Version);
        }
    }

    [Fact]
    public void Places_go_on_where_they_were_when_all_is_cleared()
    {
        var ring = new SessionRing(10);
        var client = new SessionClient("c"u8.ToArray());
        ring.Add(new SessionRecord { Client = client, RequestId = 7 });
        ring.Clear(42);
        Assert.Equal((0, 42UL, 42UL), (ring.Count, ring.First, ring.Next));
        Assert.Null(ring.Find(client, 7));
        ring.Add(new SessionRecord { Client = client, RequestId = 7 });
        Assert.Equal(42UL, ring.Find(client, 7));
    }
}
