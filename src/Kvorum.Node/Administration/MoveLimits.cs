using System.ComponentModel;
using System.Globalization;
using Kvorum.Node.Placement.Planning;

namespace Kvorum.Node.Administration;

/// <summary>The limits of moves, as operators read and change them.</summary>
public sealed record MoveLimits
{
    /// <summary>True while moves for zones and balance rest.</summary>
    [Description("True while moves for zones and balance rest; repairs and drains go on.")]
    public required bool Paused { get; init; }

    /// <summary>The most moves under way at a time.</summary>
    [Description("The most moves under way at a time.")]
    public required int MovesMax { get; init; }

    /// <summary>The most targets that one plan changes.</summary>
    [Description("The most targets that one plan changes.")]
    public required int BatchSize { get; init; }

    /// <summary>A move without progress for this long loses one of its attempts.</summary>
    [Description("A move without progress for this long loses one of its attempts.")]
    public required long BatchTimeoutMs { get; init; }

    /// <summary>Attempts after which a move is given up.</summary>
    [Description("Attempts after which a move is given up.")]
    public required int RetryAttempts { get; init; }

    /// <summary>A node that is silent for this long is replaced.</summary>
    [Description("A node that is silent for this long is replaced.")]
    public required long GraceMs { get; init; }

    /// <summary>Loads in proportion to weights that differ by less move nothing.</summary>
    [Description("Loads in proportion to weights that differ by less move nothing.")]
    public required int MarginPercent { get; init; }

    /// <summary>The settings as operators read them.</summary>
    internal static MoveLimits Of(PlannerSettings settings) => new()
    {
        Paused = settings.IsPaused,
        MovesMax = settings.MovesMax,
        BatchSize = settings.BatchSize,
        BatchTimeoutMs = settings.BatchTimeoutMs,
        RetryAttempts = settings.RetryAttempts,
        GraceMs = settings.GraceMs,
        MarginPercent = settings.MarginPercent,
    };

    /// <summary>The settings after a change.</summary>
    internal static PlannerSettings Changed(PlannerSettings settings, ChangeLimits change) => settings with
    {
        IsPaused = change.Paused ?? settings.IsPaused,
        MovesMax = change.MovesMax ?? settings.MovesMax,
        BatchSize = change.BatchSize ?? settings.BatchSize,
        BatchTimeoutMs = change.BatchTimeoutMs ?? settings.BatchTimeoutMs,
        RetryAttempts = change.RetryAttempts ?? settings.RetryAttempts,
        GraceMs = change.GraceMs ?? settings.GraceMs,
        MarginPercent = change.MarginPercent ?? settings.MarginPercent,
    };

    /// <summary>What is so after a change, for people.</summary>
    internal static string InWords(ChangeLimits change)
    {
        (string Name, object? Value)[] limits =
        [
            ("moves_max", change.MovesMax), ("batch_size", change.BatchSize),
            ("batch_timeout_ms", change.BatchTimeoutMs), ("retry_attempts", change.RetryAttempts),
            ("grace_ms", change.GraceMs), ("margin_percent", change.MarginPercent),
        ];
        List<string> words = [];
        if (change.Paused is { } paused)
            words.Add($"moves for zones and balance {(paused ? "are paused" : "go on")}");
        words.AddRange(limits.Where(static one => one.Value is not null).Select(static one =>
            string.Create(CultureInfo.InvariantCulture, $"{one.Name} is {one.Value}")));
        return string.Join(", ", words);
    }

    /// <summary>What is wrong with a change; null if nothing.</summary>
    internal static string? Problem(ChangeLimits change)
    {
        if (change with { DryRun = false, By = "" } == new ChangeLimits())
            return "no limit is named: name at least one that is to change";
        (string Name, long? Value, long Least, long Most)[] bounds =
        [
            ("moves_max", change.MovesMax, 1, 10_000),
            ("batch_size", change.BatchSize, 1, 100_000),
            ("batch_timeout_ms", change.BatchTimeoutMs, 1000, 86_400_000),
            ("retry_attempts", change.RetryAttempts, 1, 1000),
            ("grace_ms", change.GraceMs, 1000, 7 * 86_400_000),
            ("margin_percent", change.MarginPercent, 0, 100),
        ];
        foreach (var (name, value, least, most) in bounds)
        {
            if (value < least || value > most)
            {
                return string.Create(
                    CultureInfo.InvariantCulture, $"{name} is {value}: give {least} to {most}");
            }
        }

        return null;
    }
}
