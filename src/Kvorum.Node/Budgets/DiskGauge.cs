using System.Globalization;
using Kvorum.Storage.Files;

namespace Kvorum.Node.Budgets;

/// <summary>How much room is left.</summary>
internal enum DiskLevel : byte
{
    /// <summary>Enough.</summary>
    Ample,

    /// <summary>Only what gives space back is written: deletes, checkpoints, compactions.</summary>
    Low,

    /// <summary>What is left is for the log's own needs and for checkpoints.</summary>
    Critical,
}

/// <summary>
/// Decides what may still be written, from the room on the disk as it was last looked at. Low is less than a
/// few segments of the log or a hundredth of the disk, but never more than a third of it; critical is a
/// quarter of that, or a log that waits for room; on the way back there must be half as much again. A pure
/// decider; judged by one loop, read by any.
/// </summary>
/// <param name="segmentBytes">Bytes of a segment of the log.</param>
internal sealed class DiskGauge(long segmentBytes)
{
    /// <summary>What is to be said of a node whose disk has no room for anything more.</summary>
    public const string NoRoom = "its disk is full or almost full: it gets no replicas, and soon takes no "
        + "new values; make room on it";

    private volatile DiskLevel _level;
    private long _free = long.MaxValue;
    private long _reserve;
    private string? _lacking;

    /// <summary>The verdict.</summary>
    public DiskLevel Level => _level;

    /// <summary>What an operator should know; null if all is well.</summary>
    public string? HealthIssue => Level == DiskLevel.Ample
        ? null
        : Volatile.Read(ref _lacking) is { } lacking
        ? $"this node's log waits for file descriptors or memory ({lacking}): it takes no writes until the "
            + "machine gives it some; raise the limit (ulimit -n), or close connections"
        : $"the disk of the data folder is almost full ({Free} free): this node takes "
            + (Level == DiskLevel.Low ? "no new values, only deletes" : "no writes")
            + $", until {Mebibytes(Reserve * 3 / 2)} are free: make room on it";

    /// <summary>The room that is left, for people.</summary>
    public string Free => Mebibytes(Volatile.Read(ref _free));

    /// <summary>Bytes that should stay free.</summary>
    public long Reserve => Volatile.Read(ref _reserve);

    /// <summary>Bytes that can be written before it is almost full.</summary>
    public long RoomBytes => Math.Max(0, Volatile.Read(ref _free) - (Reserve * 3 / 2));

    /// <summary>True if so much may be written for a time without touching the last reserve.</summary>
    public bool HasRoomFor(long bytes) =>
        Volatile.Read(ref _free) - (Reserve / 4) >= bytes;

    /// <summary>The disk was looked at. True if the verdict has changed.</summary>
    /// <param name="room">What was found.</param>
    /// <param name="logWaitsFor">
    /// What the log waits for, if it does: whatever room is free, it is not enough.
    /// </param>
    public bool Judge(DiskRoom room, DiskShortageException? logWaitsFor = null)
    {
        Volatile.Write(ref _lacking, (logWaitsFor as NoResourcesException)?.Message);
        var reserve = Math.Min(
            Math.Max(Limits.DiskReserveSegments * segmentBytes, room.Total / 100), room.Total / 3);
        Volatile.Write(ref _reserve, reserve);
        Volatile.Write(ref _free, room.Free);
        var before = _level;
        _level = (DiskLevel)Math.Max(
            (byte)(logWaitsFor is not null || IsBelow(room.Free, reserve / 4, before == DiskLevel.Critical)
                ? DiskLevel.Critical
                : 0),
            (byte)(IsBelow(room.Free, reserve, before != DiskLevel.Ample) ? DiskLevel.Low : 0));
        return _level != before;
    }

    private static bool IsBelow(long free, long bound, bool wasBelow) =>
        free < (wasBelow ? bound + (bound / 2) : bound);

    private static string Mebibytes(long bytes) =>
        string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.#} MiB");
}
