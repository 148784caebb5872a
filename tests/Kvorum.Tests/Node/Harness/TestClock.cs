namespace Kvorum.Tests.Node.Harness;

/// <summary>A clock that stands until it is moved.</summary>
internal sealed class TestClock : TimeProvider
{
    public long Ms { get; set; }

    public override long TimestampFrequency => 1000;

    public override long GetTimestamp() => Ms;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000 + Ms);

    /// <summary>The clock of one node: its time, and a wall clock that may be wrong.</summary>
    internal sealed class OfNode(TestClock clock) : TimeProvider
    {
        public TimeSpan Wrong { get; set; }

        public override long TimestampFrequency => clock.TimestampFrequency;

        public override long GetTimestamp() => clock.GetTimestamp();

        public override DateTimeOffset GetUtcNow() => clock.GetUtcNow() + Wrong;
    }
}
