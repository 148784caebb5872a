using Kvorum.Storage;
using Kvorum.Storage.Files;
using Kvorum.Storage.Keys;

namespace Kvorum.Node;

/// <summary>The world that a node lives in: everything it may touch.</summary>
public sealed record NodeWorld
{
    /// <summary>The data folder.</summary>
    public required IFileSystem Files { get; init; }

    /// <summary>What its files are encrypted with; null: nothing.</summary>
    public FolderKeys? Keys { get; init; }

    /// <summary>Slow work.</summary>
    public required IJobRunner Jobs { get; init; }

    /// <summary>The way to peers.</summary>
    public required ITransport Transport { get; init; }

    /// <summary>Clocks.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Seed of all randomness in the node.</summary>
    public required int RandomSeed { get; init; }

    /// <summary>
    /// What the machine gives the process, for the status; null if nothing is known. Any thread; must not
    /// block.
    /// </summary>
    public Func<MachineStatus>? Machine { get; init; }

    /// <summary>
    /// What listeners have refused and the audit log has got, for the status; null if nothing is known. Any
    /// thread; must not block.
    /// </summary>
    public Func<SecurityStatus>? Security { get; init; }

    /// <summary>
    /// What an operator should act on outside of the node, a sentence each; null if nothing is known. Any
    /// thread; must not block.
    /// </summary>
    public Func<IReadOnlyList<string>>? HealthIssues { get; init; }

    /// <summary>Told of what people should know (role changes, faults). Any thread; must not block.</summary>
    public required INodeEvents Events { get; init; }
}
