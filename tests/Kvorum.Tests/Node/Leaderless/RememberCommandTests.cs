using System.Text;
using Kvorum.Node.Leaderless;
using Kvorum.Quorum;

namespace Kvorum.Tests.Node.Leaderless;

public class RememberCommandTests
{
    [Fact]
    public void Requests_come_back_as_they_were()
    {
        var stored = new RecordVersion(HybridTimestamp.At(1_700_000_000_000, 3), new(7));
        RememberedRequest[] requests =
        [
            new(Encoding.UTF8.GetBytes("client-1"), 41, RecordVersion.None),
            new(Encoding.UTF8.GetBytes("client-1"), 42, stored),
        ];
        var command = RememberCommand.Encode(requests);
        Assert.True(RememberCommand.Is(command));
        var read = RememberCommand.Read(command);
        Assert.Equal(2, read.Count);
        for (var i = 0; i < read.Count; i++)
        {
            Assert.Equal(requests[i].ClientId.ToArray(), read[i].ClientId.ToArray());
            Assert.Equal(
                (requests[i].RequestId, requests[i].Version), (read[i].RequestId, read[i].Version));
        }

        Assert.Empty(RememberCommand.Read(RememberCommand.Encode([])));
    }

    [Fact]
    public void Half_a_request_is_refused()
    {
        var command = RememberCommand.Encode([new(new byte[3], 1, RecordVersion.None)]);
        Assert.Throws<FormatException>(() => RememberCommand.Read(command.AsMemory()[..^1]));
    }
}
