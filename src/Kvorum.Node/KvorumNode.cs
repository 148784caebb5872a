using Kvorum.Protocol;
using Kvorum.Storage;
using Kvorum.Storage.Files;

namespace Kvorum.Node;

/// <summary>The world that a node lives in: everything it may touch.</summary>
public sealed record NodeWorld
{
    /// <summary>The data folder.</summary>
    public required IFileSystem Files { get; init; }

    /// <summary>Slow work.</summary>
    public required IJobRunner Jobs { get; init; }

    /// <summary>The way to peers.</summary>
    public required ITransport Transport { get; init; }

    /// <summary>Clocks.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Seed of all randomness in the node.</summary>
    public required int RandomSeed { get; init; }

    /// <summary>Told of what people should know (role changes, faults). Any thread; must not block.</summary>
    public required INodeEvents Events { get; init; }
}

/// <summary>What a node tells its operator.</summary>
public interface INodeEvents
{
    /// <summary>A replica's role changed.</summary>
    void RoleChanged(string keyspace, uint partition, string role, ulong term, string leader);

    /// <summary>Something noteworthy that is no fault.</summary>
    void Note(string message);

    /// <summary>The node cannot go on (a disk write failed): it acks nothing any more and the host must end the process.</summary>
    void Fatal(string message, Exception? cause);
}

/// <summary>
/// The brain of one server. The host gives it a world, runs each of <see cref="Loops"/> on its own thread, and submits
/// calls. Contract placeholder.
/// </summary>
public sealed class KvorumNode : INode, IDisposable
{
    /// <summary>
    /// Opens the data folder, recovers, and is ready to run. Throws <see cref="NodeStartException"/> or
    /// <see cref="IOException"/> with a message for the operator. The transport is started by <see cref="Start"/>.
    /// </summary>
    public KvorumNode(NodeOptions options, NodeWorld world) => throw new NotImplementedException();

    /// <summary>The loops, to be run by the host.</summary>
    public IReadOnlyList<NodeLoop> Loops => throw new NotImplementedException();

    /// <summary>Starts the transport. Call once, when all loops run.</summary>
    public void Start() => throw new NotImplementedException();

    /// <inheritdoc/>
    public ClusterMap Map => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Submit(Call call) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void AskStatus(Action<NodeStatus> done) => throw new NotImplementedException();

    /// <summary>
    /// Begins a clean end: new calls are answered ShuttingDown, leadership is handed over, pending calls finish;
    /// <paramref name="done"/> is called on a loop when nothing is pending or <paramref name="patience"/> has passed.
    /// </summary>
    public void BeginShutdown(TimeSpan patience, Action done) => throw new NotImplementedException();

    /// <summary>Closes files. The host has ended loops, jobs and transport before.</summary>
    public void Dispose() => throw new NotImplementedException();
}

/// <summary>One node loop: owns its partitions outright, takes what has queued, and never waits.</summary>
public sealed class NodeLoop
{
    /// <summary>Set by the host before the start: called on any thread when a sleeping loop got work. Must be cheap and never block.</summary>
    public Action Wake { get; set; } = static () => { };

    /// <summary>
    /// One turn: everything that has queued and the ticks that are due. Loop thread only. Returns how long the loop may
    /// sleep if no <see cref="Wake"/> comes: zero if there is more to do at once.
    /// </summary>
    public TimeSpan Turn() => throw new NotImplementedException();
}
