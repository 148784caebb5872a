using Kvorum.Raft;
using Kvorum.Simulator.Groups;

namespace Kvorum.Tests.Raft;

public class RaftOptionsTests
{
    private static readonly RaftOptions Good = new() { Id = new(1) };

    [Fact]
    public void Defaults_are_possible() => Good.Validate();

    [Fact]
    public void The_least_possible_timing_is_accepted() =>
        (Good with { HeartbeatTicks = 5, ElectionTimeoutMinTicks = 11, ElectionTimeoutMaxTicks = 12 })
            .Validate();

    [Fact]
    public void Impossible_mixes_are_refused_and_named()
    {
        Refused(Good with { HeartbeatTicks = 0 }, "HeartbeatTicks is 0");
        var hasty = Good with { HeartbeatTicks = 5, ElectionTimeoutMinTicks = 10 };
        Refused(hasty, "ElectionTimeoutMinTicks is 10");
        Refused(Good with { ElectionTimeoutMaxTicks = 50 }, "ElectionTimeoutMaxTicks is 50");
        Refused(Good with { LeaseDriftPercent = 100 }, "LeaseDriftPercent is 100");
        Refused(Good with { LeaseDriftPercent = -1 }, "LeaseDriftPercent is -1");
        Refused(Good with { InflightMessagesMax = 0 }, "InflightMessagesMax is 0");
        Refused(Good with { InflightBytesMax = 10, AppendBytesMax = 11 }, "InflightBytesMax is 10");
        Refused(Good with { AppendBytesMax = 0 }, "AppendBytesMax is 0");
        Refused(Good with { UncommittedBytesMax = 0 }, "UncommittedBytesMax is 0");
        Refused(Good with { CommittedBytesMax = 0 }, "CommittedBytesMax is 0");
    }

    private static void Refused(RaftOptions options, string naming)
    {
        var problem = Assert.Throws<ArgumentException>(options.Validate);
        Assert.Contains(naming, problem.Message, StringComparison.Ordinal);
        var disk = new MemoryLog(new() { Voters = [new(1)] });
        Assert.Throws<ArgumentException>(() => new RaftNode(options, disk, default, default, new Random(1)));
    }
}
