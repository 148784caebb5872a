using Kvorum.Raft.Replication;

namespace Kvorum.Tests.Raft;

/// <summary>The window of messages under way against a plain list.</summary>
public class InflightsTests
{
    [Fact]
    public void Behaves_like_a_list_of_messages()
    {
        var random = new Random(1);
        for (var run = 0; run < 300; run++)
        {
            var messagesMax = random.Next(1, 40);
            var bytesMax = random.Next(1, 200);
            var window = new Inflights(messagesMax, bytesMax);
            var twin = new List<(ulong Last, long Bytes)>();
            ulong last = 0;
            for (var step = 0; step < 200; step++)
            {
                Assert.Equal(twin.Count, window.Count);
                Assert.Equal(twin.Sum(m => m.Bytes), window.Bytes);
                Assert.Equal(twin.Count == messagesMax || twin.Sum(m => m.Bytes) >= bytesMax, window.IsFull);
                if (!window.IsFull && random.Next(3) > 0)
                {
                    last += (ulong)random.Next(1, 5);
                    var bytes = random.Next(0, 60);
                    window.Add(last, bytes);
                    twin.Add((last, bytes));
                }
                else if (random.Next(20) == 0)
                {
                    window.Clear();
                    twin.Clear();
                }
                else
                {
                    var acknowledged = (ulong)random.Next(0, (int)last + 2);
                    window.FreeTo(acknowledged);
                    twin.RemoveAll(m => m.Last <= acknowledged);
                }
            }
        }
    }
}
