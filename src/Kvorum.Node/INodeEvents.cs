namespace Kvorum.Node;

/// <summary>What a node tells its operator.</summary>
public interface INodeEvents
{
    /// <summary>A replica's role changed.</summary>
    void RoleChanged(string keyspace, uint partition, string role, ulong term, string leader);

    /// <summary>Something noteworthy that is no fault.</summary>
    void Note(string message);

    /// <summary>
    /// The node cannot go on (a disk write failed): it acks nothing any more and the host must end the
    /// process.
    /// </summary>
    void Fatal(string message, Exception? cause);
}
