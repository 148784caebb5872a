namespace Kvorum.Node.Membership;

/// <summary>
/// Which address is asked next for the members of the cluster: one after the other, and one that a member has
/// named before the rest. Owned by node loop 0.
/// </summary>
internal sealed class AskedInTurn(IAdmissionHost host)
{
    private readonly List<string> _next = [];
    private long _againMs;

    /// <summary>
    /// Asks the next address, not before the pause since the last one is over; after the last of them all
    /// come again.
    /// </summary>
    /// <param name="all">Where to ask, in this order.</param>
    /// <param name="pauseMs">The pause.</param>
    public void Ask(Func<IEnumerable<string>> all, long pauseMs)
    {
        if (host.NowMs < _againMs)
            return;
        if (_next.Count == 0)
            _next.AddRange(all());
        if (_next.Count == 0)
            return;
        _againMs = host.NowMs + pauseMs;
        var address = _next[0];
        _next.RemoveAt(0);
        var cluster = host.Cluster;
        var ask = new JoinAsk(cluster.Self, cluster.ClusterIds.Cluster, cluster.Announcement(cluster.Self)!)
        {
            Formats = cluster.Formats,
        };
        host.World.Transport.AskToJoin(address, JoinCodec.Encode(ask));
    }

    /// <summary>A member has named this address: it is the next one.</summary>
    public void PutFirst(string address)
    {
        _next.Remove(address);
        _next.Insert(0, address);
    }

    /// <summary>The next one is asked at once.</summary>
    public void Hurry() => _againMs = host.NowMs;

    /// <summary>The next question begins with the first of all addresses.</summary>
    public void StartOver() => _next.Clear();
}
