using Kvorum.Node.Events;

namespace Kvorum.Node.Membership;

/// <summary>
/// How a member finds its cluster again after others have come and left while it was away: it hears members
/// only, and the leader of the metadata group may be one that it has never heard of. While it hears no
/// leader, it asks the members that it knows, and the nodes that dial it in vain, for the members. What
/// they say was committed in this cluster, so it can be old and not wrong. Owned by node loop 0.
/// </summary>
/// <param name="host">The node.</param>
/// <param name="named">Where an operator says that members are.</param>
internal sealed class MemberSearch(IAdmissionHost host, IReadOnlyList<string> named)
{
    private readonly AskedInTurn _asked = new(host);

    // Where nodes are that have dialled this one and are no members, as far as it knows.
    private readonly SortedSet<string> _unknown = new(StringComparer.Ordinal);
    private long _heardMs = host.NowMs;
    private string _issue = "";

    private ClusterView Cluster => host.Cluster;

    /// <summary>A node of this cluster that this one does not know has dialled it.</summary>
    public void Dialled(string address)
    {
        if (address.Length > 0 && _unknown.Count < Limits.MembersMax)
            _unknown.Add(address);
    }

    /// <summary>Asks, if it is time.</summary>
    public void Tick()
    {
        if (HearsLeader)
        {
            _heardMs = host.NowMs;
            _asked.StartOver();
            _unknown.Clear();
            _issue = "";
            return;
        }

        if (host.NowMs - _heardMs >= Limits.MembersSoughtMs)
            _asked.Ask(Addresses, Limits.MembersAskedMs);
    }

    /// <summary>What came of asking; what comes when the leader is heard again is too late.</summary>
    public void Answered(string address, JoinAnswer? answer)
    {
        if (HearsLeader)
            return;
        switch (answer)
        {
            case { Verdict: JoinVerdict.Joined } when answer.ClusterId == Cluster.ClusterIds.Cluster:
                Learn(address, answer);
                break;
            case { Verdict: JoinVerdict.Elsewhere }:
                _asked.PutFirst(answer.Text);
                break;
            case { Verdict: JoinVerdict.Refused } when _issue != answer.Text:
                _issue = answer.Text;
                Cluster.Tell(new SearchRefused(address, answer.Text));
                break;
        }
    }

    private IEnumerable<string> Addresses() => _unknown
        .Concat(Cluster.Members.Peers.Select(static one => one.PeerAddress)).Concat(named).Distinct();

    // A replica at rest hears nothing of a leader that this node does not know, but its questions are not
    // answered any more.
    private bool HearsLeader => Cluster.Leaders.Of(GroupId.Metadata) is { } leader
        && (leader == Cluster.Self || Cluster.MetadataAge.At(host.NowMs) <= 2 * Limits.IdleFreshnessMs);

    private void Learn(string address, JoinAnswer answer)
    {
        // Members that run the version before do not say which version of the metadata they tell of.
        var version = answer.Version ?? Cluster.Version + 1;
        if (version <= Cluster.Version || answer.Members.All(one => one.Id != Cluster.Self))
            return;
        if (!Cluster.Members.Learn(new(version, [.. answer.Members.Select(Founder.Of)])))
            return;
        host.World.Transport.Follow(Cluster.Members.Peers);
        Cluster.Tell(new MembersLearned(
            address, string.Join(", ", answer.Members.Select(static one => one.Name))));
    }
}
