using System.Collections.Frozen;
using Kvorum.Node;
using Kvorum.Raft;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Peers;

/// <summary>
/// The ways to all peers, as the members change. Any thread; looking one up takes no lock.
/// </summary>
internal sealed class PeerLinks(
    OwnIntroduction self, IPeerReceiver receiver, TransportOptions options, TimeProvider time, ILogger log,
    TransportCounters counters, CancellationToken stop)
{
    private readonly Lock _gate = new();
    // Of each member, and of those that left a moment ago.
    private readonly Dictionary<NodeId, Task> _runs = [];
    private volatile FrozenDictionary<NodeId, PeerLink> _now = FrozenDictionary<NodeId, PeerLink>.Empty;

    /// <summary>The way to a member; null if it is none.</summary>
    public PeerLink? Find(NodeId peer) => _now.GetValueOrDefault(peer);

    /// <summary>These are the other members from now on, and this is where they are.</summary>
    public void Follow(IReadOnlyList<MemberSeed> peers)
    {
        lock (_gate)
        {
            if (stop.IsCancellationRequested)
                return;
            var before = _now;
            var now = new Dictionary<NodeId, PeerLink>(peers.Count);
            foreach (var peer in peers)
            {
                if (peer.Id == self.Now.Node.Id)
                    continue;
                if (before.TryGetValue(peer.Id, out var known))
                    known.Told(peer);
                now.TryAdd(peer.Id, known ?? new(peer, self, options, time, log, counters));
            }

            PeerLink[] left =
                [.. before.Where(link => !now.ContainsKey(link.Key)).Select(static link => link.Value)];
            KeyValuePair<NodeId, PeerLink>[] came = [.. now.Where(link => !before.ContainsKey(link.Key))];
            if (left.Length == 0 && came.Length == 0)
                return;
            _now = now.ToFrozenDictionary();
            foreach (var link in left)
                link.Leave();
            foreach (var id in _runs.Where(run => run.Value.IsCompletedSuccessfully).Select(run => run.Key))
                _runs.Remove(id);
            foreach (var (id, link) in came)
            {
                var former = _runs.GetValueOrDefault(id, Task.CompletedTask);
                _runs[id] = Task.Run(() => Run(link, former), CancellationToken.None);
            }
        }
    }

    /// <summary>The format version has changed: who does not speak it is disconnected.</summary>
    public void Check()
    {
        foreach (var link in _now.Values)
            link.Check();
    }

    /// <summary>Pings, and notices silence.</summary>
    public void Watch()
    {
        foreach (var link in _now.Values)
            link.Watch();
    }

    /// <summary>Returns when no link runs any more; the cancellation ends them.</summary>
    public async Task Stop()
    {
        Task[] runs;
        lock (_gate)
            runs = [.. _runs.Values];
        await Task.WhenAll(runs).ConfigureAwait(false);
    }

    // A member that left and comes back has two links for a moment: what the former one still tells comes
    // first.
    private async Task Run(PeerLink link, Task former)
    {
        await former.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using (link)
            await link.Run(receiver, stop).ConfigureAwait(false);
    }
}
