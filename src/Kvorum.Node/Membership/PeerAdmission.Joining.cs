using Kvorum.Node.Events;

namespace Kvorum.Node.Membership;

/// <summary>
/// How a new data folder comes into a cluster that there is: the node asks the members that the operator has
/// named, one after the other, until one says that it has joined. Its id is drawn with its folder, so no
/// other folder can come under it, and nobody else need vouch for this one.
/// </summary>
internal sealed partial class PeerAdmission
{
    // Where the operator says that members are, and before them what a member named.
    private readonly AskedInTurn _joinThrough;
    private string _joinIssue = "";
    private bool _isWritingJoin;

    /// <summary>What came of asking a member.</summary>
    public void JoinAnswered(string address, JoinAnswer? answer, string? failure)
    {
        if (!_identity.IsJoining)
        {
            _search.Answered(address, answer);
            return;
        }

        if (_isWritingJoin)
            return;
        switch (answer)
        {
            case { Verdict: JoinVerdict.Joined }:
                Join(answer);
                break;
            case { Verdict: JoinVerdict.Elsewhere }:
                _joinThrough.PutFirst(answer.Text);
                _joinThrough.Hurry();
                break;
            case { Verdict: JoinVerdict.Later }:
                _joinIssue = $"{address}: {answer.Text}";
                break;
            case { Verdict: JoinVerdict.Refused }:
                TellJoinIssue($"{address} refuses this node: {answer.Text}");
                break;
            default:
                TellJoinIssue($"{address} could not be asked: {failure}");
                break;
        }

        Publish();
    }

    /// <summary>A node of this cluster has dialled that is no member as far as this one knows.</summary>
    public void DialledInVain(string address) => _search.Dialled(address);

    private void TellJoinIssue(string issue)
    {
        if (_joinIssue == issue)
            return;
        _joinIssue = issue;
        Cluster.Tell(new JoinFailed(issue));
    }

    // One at a time, in turn; a member that names another is asked again only after that one.
    private void AskToJoin()
    {
        if (_isBegun && _identity.IsJoining && !_isWritingJoin)
            _joinThrough.Ask(() => _addresses, Limits.JoinRetryMs);
    }

    private void Join(JoinAnswer answer)
    {
        _isWritingJoin = true;
        var members = answer.Members;
        var joined = _identity with
        {
            ClusterId = ClusterIdentity.ToGuid(answer.ClusterId),
            Founders = [.. members.OrderBy(static member => member.Id).Select(Founder.Of)],
            Admitted = true,
        };
        WriteIdentity(joined, failure =>
        {
            _isWritingJoin = false;
            if (failure is not null)
                _identity = joined with { Admitted = false };
            if (IsForLater(failure, "to which cluster this node belongs"))
                return;
            Cluster.Members.Joined(members);
            Cluster.ClusterIds.Learn(answer.ClusterId);
            _host.World.Transport.Identify(answer.ClusterId);
            _host.World.Transport.Follow(Cluster.Members.Peers);
            Cluster.Tell(new ClusterJoined($"{joined.ClusterId}"));
            TakePart();
        });
    }

    private string WaitingToJoin() => _joinIssue.Length > 0
        ? $"waiting to join: {_joinIssue}" : $"waiting to join through {string.Join(", ", _addresses)}";
}
