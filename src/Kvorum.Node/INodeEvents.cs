using Kvorum.Node.Events;

namespace Kvorum.Node;

/// <summary>
/// Where a node tells its operator what happens. Any thread; it must neither block nor throw.
/// </summary>
public interface INodeEvents
{
    /// <summary>Something happened. After <see cref="NodeFailed"/> the host must end the process.</summary>
    void Tell(NodeEvent happened);
}
