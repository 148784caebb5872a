using System.ComponentModel;
using System.Text.Json.Serialization;

namespace Kvorum.Node;

/// <summary>What the machine gives the node's process, and how much of it is in use.</summary>
public sealed record MachineStatus
{
    /// <summary>Files, sockets among them, that are open.</summary>
    public required int OpenFiles { get; init; }

    /// <summary>How many may be; 0 if there is no limit.</summary>
    [Description("0: there is no limit.")]
    public required long OpenFilesMax { get; init; }

    /// <summary>Connections are taken while fewer files than this are open; 0 if always.</summary>
    [Description("Connections are taken while fewer files than this are open; 0: always.")]
    public required long ConnectionsBelow { get; init; }

    /// <summary>Connections that were closed since the start, because too many files were open.</summary>
    public required long ConnectionsRefused { get; init; }

    /// <summary>Bytes of memory that are resident.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>Bytes of memory that the process may have.</summary>
    public required long MemoryBytesMax { get; init; }

    /// <summary>What says so: a file of a control group, the machine.</summary>
    public required string MemoryLimitedBy { get; init; }

    /// <summary>What an operator should act on; null if nothing.</summary>
    [JsonPropertyName("alert")]
    public string? HealthIssue { get; init; }
}
