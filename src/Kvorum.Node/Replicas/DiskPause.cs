namespace Kvorum.Node.Replicas;

/// <summary>
/// After the disk was found full, a replica begins no flush and no compaction for a while. Owned by the node
/// loop.
/// </summary>
internal sealed class DiskPause(IReplicaHost host)
{
    private long _untilMs;

    /// <summary>True while nothing is begun.</summary>
    public bool IsOn => host.NowMs < _untilMs;

    /// <summary>The disk was found full.</summary>
    public void Begin() => _untilMs = host.NowMs + Limits.DiskFullRetryMs;
}
