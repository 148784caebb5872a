namespace Kvorum.Raft;

/// <summary>
/// The settings of one replica. All times are in ticks; the host decides how long a tick is.
/// </summary>
public sealed record RaftOptions
{
    /// <summary>This node.</summary>
    public required NodeId Id { get; init; }

    /// <summary>
    /// The least election timeout; each is drawn from this up to, not including,
    /// <see cref="ElectionTimeoutMaxTicks"/>.
    /// </summary>
    public int ElectionTimeoutMinTicks { get; init; } = 50;

    /// <summary>The bound of the election timeouts.</summary>
    public int ElectionTimeoutMaxTicks { get; init; } = 100;

    /// <summary>Time between a leader's heartbeats.</summary>
    public int HeartbeatTicks { get; init; } = 5;

    /// <summary>Ask whether an election could be won before starting one (thesis 9.6).</summary>
    public bool PreVote { get; init; } = true;

    /// <summary>
    /// A leader that hears from no majority for an election timeout steps down, and voters protect a living
    /// leader (thesis 6.2).
    /// </summary>
    public bool CheckQuorum { get; init; } = true;

    /// <summary>Stop the timers of idle groups.</summary>
    public bool Quiescence { get; init; } = true;

    /// <summary>
    /// How much faster than a follower's clock the leader's may run, in percent, for which lease reads stay
    /// linearizable: the lease ends that much before the least election timeout (thesis 6.4.1).
    /// </summary>
    public int LeaseDriftPercent { get; init; } = 10;

    /// <summary>
    /// Bound of the entry data in one append message, in bytes; a larger entry travels alone.
    /// </summary>
    public long AppendBytesMax { get; init; } = 1 << 20;

    /// <summary>Bound of append messages under way to one follower.</summary>
    public int InflightMessagesMax { get; init; } = 256;

    /// <summary>Bound of entry data under way to one follower, in bytes.</summary>
    public long InflightBytesMax { get; init; } = 16 << 20;

    /// <summary>
    /// Bound of proposed and not yet committed data, in bytes; beyond it proposals are refused
    /// (back-pressure).
    /// </summary>
    public long UncommittedBytesMax { get; init; } = 64 << 20;

    /// <summary>
    /// Bound of the committed entry data in one <see cref="Ready"/>, in bytes; at least one entry.
    /// </summary>
    public long CommittedBytesMax { get; init; } = 4 << 20;

    /// <summary>
    /// Throws <see cref="ArgumentException"/>, naming value and remedy, if the settings cannot work together.
    /// </summary>
    public void Validate()
    {
        Require(HeartbeatTicks >= 1, $"HeartbeatTicks is {HeartbeatTicks}: use at least 1");
        Require(ElectionTimeoutMinTicks > 2 * HeartbeatTicks,
            $"ElectionTimeoutMinTicks is {ElectionTimeoutMinTicks}, HeartbeatTicks {HeartbeatTicks}: "
            + "a follower must miss several heartbeats before it campaigns; "
            + "use more than twice, better ten times");
        Require(ElectionTimeoutMaxTicks > ElectionTimeoutMinTicks,
            $"ElectionTimeoutMaxTicks is {ElectionTimeoutMaxTicks}, ElectionTimeoutMinTicks "
            + $"{ElectionTimeoutMinTicks}: timeouts are drawn from the range between them, which must not be "
            + "empty; use about the double");
        Require(LeaseDriftPercent is >= 0 and < 100,
            $"LeaseDriftPercent is {LeaseDriftPercent}: use 0 to 99");
        Require(InflightMessagesMax >= 1, $"InflightMessagesMax is {InflightMessagesMax}: use at least 1");
        Require(AppendBytesMax >= 1, $"AppendBytesMax is {AppendBytesMax}: use at least 1");
        Require(InflightBytesMax >= AppendBytesMax,
            $"InflightBytesMax is {InflightBytesMax}, AppendBytesMax {AppendBytesMax}: "
            + "one full message must fit into the window");
        Require(UncommittedBytesMax >= 1, $"UncommittedBytesMax is {UncommittedBytesMax}: use at least 1");
        Require(CommittedBytesMax >= 1, $"CommittedBytesMax is {CommittedBytesMax}: use at least 1");
    }

    private static void Require(bool condition, string otherwise)
    {
        if (!condition) throw new ArgumentException($"Invalid Raft settings: {otherwise}.");
    }
}
