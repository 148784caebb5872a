using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Kvorum.Node;

/// <summary>
/// How far the files of a node are encrypted as its flags say. Files that are not are written anew in the
/// background.
/// </summary>
public sealed record EncryptionStatus
{
    /// <summary>on: new files are encrypted; off: they are plain, and encrypted ones can be read.</summary>
    [Description("on: new files are encrypted; off: they are plain, and encrypted ones can be read.")]
    [AllowedValues("on", "off")]
    public required string State { get; init; }

    /// <summary>The data key of new files; empty where they are plain.</summary>
    [Description("The data key of new files; empty where they are plain.")]
    public required string DataKey { get; init; }

    /// <summary>Tables of all replicas.</summary>
    [Description("Tables of all replicas.")]
    public required int Tables { get; init; }

    /// <summary>Tables that are still to be written anew.</summary>
    [Description("Tables that are still to be written anew: with another data key, or none.")]
    public required int TablesWaiting { get; init; }

    /// <summary>Their bytes.</summary>
    [Description("Their bytes.")]
    public required long BytesWaiting { get; init; }

    /// <summary>Segments of the log.</summary>
    [Description("Segments of the log.")]
    public required int Segments { get; init; }

    /// <summary>Segments that are still to go.</summary>
    [Description("Segments of the log that are still to go: with another data key, or none.")]
    public required int SegmentsWaiting { get; init; }

    /// <summary>True if every file is as the flags say.</summary>
    [Description("True if every file is as the flags say.")]
    public bool IsComplete => TablesWaiting == 0 && SegmentsWaiting == 0;
}
