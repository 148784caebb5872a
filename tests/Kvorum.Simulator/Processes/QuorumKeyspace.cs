using Kvorum.Node.State;

namespace Kvorum.Simulator.Processes;

/// <summary>A keyspace of mode quorum that a run is to have.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Partitions">Its partitions.</param>
/// <param name="Replicas">Replicas of each.</param>
/// <param name="Write">Those that must have a write on disk.</param>
/// <param name="Read">Those that must answer a read.</param>
internal sealed record QuorumKeyspace(string Name, int Partitions, int Replicas, int Write, int Read)
{
    /// <summary>True if hints on other nodes stand for replicas that are down.</summary>
    public bool IsSloppy { get; init; }

    /// <summary>The names begin so, and no others do.</summary>
    public const string NamesBegin = "cache";

    /// <summary>True if a read sees each write that was acknowledged before it was asked.</summary>
    public bool SeesAcknowledged => !IsSloppy && Read + Write > Replicas;

    /// <summary>True if a repeated request is recognized.</summary>
    public bool KnowsRepeats => SeesAcknowledged || (!IsSloppy && 2 * Write > Replicas);

    /// <summary>True if the keyspace of this name is of mode quorum.</summary>
    public static bool Is(string name) => name.StartsWith(NamesBegin, StringComparison.Ordinal);

    /// <summary>As the metadata group has it.</summary>
    public KeyspaceSettings Settings => new(
        Name, KeyspaceSettings.QuorumMode, Partitions, Replicas, Protocol.Limits.KeyBytesMax,
        Protocol.Limits.ValueBytesMax, "binary")
    {
        Quorum = new(Write, Read, IsSloppy),
    };
}
