using System.Globalization;

namespace Kvorum.Node.Placement.Planning;

/// <summary>The limits of the planner; each can change while the cluster runs.</summary>
internal sealed record PlannerSettings
{
    /// <summary>The most targets that one plan changes.</summary>
    public int BatchSize { get; init; } = 100;

    /// <summary>
    /// A move without progress for this long is stuck: it no longer counts as under way, and one of its
    /// attempts is lost.
    /// </summary>
    public long BatchTimeoutMs { get; init; } = 30_000;

    /// <summary>
    /// The most moves under way at a time, those that begin included. A move is one new replica of one group.
    /// </summary>
    public int MovesMax { get; init; } = 5;

    /// <summary>A move that has lost this many attempts is given up.</summary>
    public int RetryAttempts { get; init; } = 3;

    /// <summary>
    /// A node to which a move was given up gets no replica of the same group for this long.
    /// </summary>
    public long GivenUpPauseMs { get; init; } = 600_000;

    /// <summary>A node that is silent for this long is replaced; a shorter silence moves no data.</summary>
    public long GraceMs { get; init; } = 60_000;

    /// <summary>Moves for zones and balance rest; repairs, drains and replication factors go on.</summary>
    public bool IsPaused { get; init; }

    /// <summary>
    /// Between two nodes whose loads in proportion to their weights differ by less, nothing moves.
    /// </summary>
    public int MarginPercent { get; init; } = 5;

    /// <summary>
    /// What an empty replica counts in balance: memory, timers and files beside its bytes. Makes numbers of
    /// replicas even while they are small.
    /// </summary>
    public long ReplicaBytes { get; init; } = 16 << 20;

    /// <summary>What is so now and was not so before, for people.</summary>
    public string ChangesFrom(PlannerSettings before)
    {
        (string Name, long Before, long Now)[] limits =
        [
            ("moves_max", before.MovesMax, MovesMax), ("batch_size", before.BatchSize, BatchSize),
            ("batch_timeout_ms", before.BatchTimeoutMs, BatchTimeoutMs),
            ("retry_attempts", before.RetryAttempts, RetryAttempts),
            ("given_up_pause_ms", before.GivenUpPauseMs, GivenUpPauseMs),
            ("grace_ms", before.GraceMs, GraceMs), ("margin_percent", before.MarginPercent, MarginPercent),
            ("replica_bytes", before.ReplicaBytes, ReplicaBytes),
        ];
        return string.Join(
            ", ",
            [
                .. before.IsPaused == IsPaused ? Array.Empty<string>()
                    : [$"moves for zones and balance {(IsPaused ? "are paused" : "go on")}"],
                .. limits.Where(static one => one.Before != one.Now).Select(static one =>
                    string.Create(CultureInfo.InvariantCulture, $"{one.Name} is {one.Now}")),
            ]);
    }
}
