namespace Kvorum.Raft;

/// <summary>Bounds that are constants, with their reasons.</summary>
internal static class Limits
{
    /// <summary>
    /// Members of one configuration: beyond this a majority costs more than it protects, and counting is no
    /// longer free.
    /// </summary>
    public const int MembersMax = 64;

    /// <summary>
    /// Unconfirmed rounds whose sending time is remembered. More are under way only while no majority
    /// answers, and then there is no lease to renew.
    /// </summary>
    public const int RememberedRoundsMax = 64;

    /// <summary>
    /// Heartbeat intervals without an answer after which a follower's request for a read index is repeated.
    /// </summary>
    public const int ReadRetryHeartbeats = 4;

    /// <summary>Entries a list of entries is first made for when it is read from storage.</summary>
    public const int ReadBatchEntries = 64;

    /// <summary>
    /// Heartbeat intervals without a new acknowledgement after which a follower's log is probed again.
    /// </summary>
    public const int ProbeHeartbeats = 2;
}
