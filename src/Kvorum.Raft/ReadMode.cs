namespace Kvorum.Raft;

/// <summary>How a read confirms that this node still leads.</summary>
public enum ReadMode : byte
{
    /// <summary>Confirmed by a majority after the read was asked (thesis 6.4).</summary>
    Confirmed,

    /// <summary>
    /// Confirmed by the leader's lease if it holds, else as <see cref="Confirmed"/>. Needs clocks within the
    /// stated drift (thesis 6.4.1).
    /// </summary>
    Lease,
}
