using Kvorum.Node.Events;
using Kvorum.Node.Wire;
using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Membership;

/// <summary>
/// How far logs are: this node's life is in its log before anyone hears of the node, and a peer whose log
/// lacks what it was known to have is refused.
/// </summary>
internal sealed partial class PeerAdmission
{
    private LogLives _lives;

    // The life is durable.
    private bool _isBegun;
    private LogReach _told;

    // Members that have accepted this life of the log.
    private readonly SortedSet<NodeId> _vouchers = [];

    /// <summary>
    /// The node starts: first its log tells of that. A folder that was admitted once does not ask its peers.
    /// </summary>
    public void Begin()
    {
        var log = _host.PeerLogs.Durable;
        _lives = _lives.With(new(
            ClusterIdentity.LifeOf(
                Cluster.Self, _host.World.RandomSeed, _host.World.Time.GetUtcNow().UtcTicks),
            log));
        var batch = new LogBatch();
        NodeRecords.Add(batch, _lives, new ByteWriter());
        _host.Append(batch, Begun);
    }

    private void Begun(Exception? failure)
    {
        if (failure is not null)
            throw new NodeFaultException($"the log could not be written: {failure.Message}", failure);
        _isBegun = true;
        _host.PeerLogs.Begin(_lives.Newest.Id, _host.DurableSequence);
        Publish();
        foreach (var peer in _unanswered)
            Introduce(peer);
        CountVouchers();
        if (_lost is not null)
            Cluster.Tell(new NodeExpelled(IsNew: false, _lost));
        else if (_identity.Admitted)
            TakePart();
        else
            AdmitIfGranted();
    }

    // Followers speak to their leaders alone: the others hear of this log now and then, in a frame of Raft
    // without messages, so that more than one remembers.
    private void TellReach()
    {
        var own = _host.PeerLogs.Own;
        if (own == _told || !Cluster.IsAdmitted)
            return;
        _told = own;
        _frame.Clear();
        _frame.U64(own.Life);
        _frame.U64(own.Sequence);
        foreach (var peer in Cluster.PeersUp)
            _host.World.Transport.Send(peer, PeerFrameKind.Raft, _frame.Written);
    }

    // Members come and go: those that there are now count.
    private void CountVouchers()
    {
        if (!Cluster.IsVouchedFor
            && Cluster.Ids.Count(id => id == Cluster.Self || _vouchers.Contains(id)) > Cluster.Ids.Count / 2)
            Cluster.VouchFor();
    }

    // Its folder is the one that is known. Its log must have all that it was known to have.
    private void LookAtLog(NodeId from, in IncarnationHello hello)
    {
        var life = hello.Lives.Newest.Id;
        if (_host.PeerLogs.IsFormer(from, life))
            return; // a late word: the peer has started again since, and has said so
        var isExcused = hello.Acceptance != 0
            && hello.Acceptance != _host.PeerLogs.AcceptanceOf(from);
        if (!isExcused && _host.PeerLogs.Of(from) is { } remembered && remembered.Life != life
            && !hello.Lives.Hold(remembered, hello.Durable))
            Refuse(from, hello, RefusalKind.LostLog, WhatIsLost(from, hello, remembered));
        else
            Accept(from, hello);
    }

    private string WhatIsLost(NodeId from, in IncarnationHello hello, LogReach remembered)
    {
        var name = Cluster.Members.NameOf(from);
        return $"{Cluster.Members.NameOf(Cluster.Self)} knows that the log of {name} was durable up to frame "
            + $"{remembered.Sequence}, written in its life {remembered.Life:x16}, and the log that it comes "
            + "with does not have that: it ended with frame "
            + $"{hello.Lives.Newest.Began} when the node started now. Its data folder is an older "
            + "copy, or the end of its log is lost, with votes and acknowledged writes in it. "
            + $"Stop {name} and start it with its newest data folder; without it, "
            + $"replace it: kvorum node replace {name}, then start it with an empty folder and --join. Until "
            + "then the other nodes serve on";
    }

    // A node that begins without asking may have taken part already: it stops in the middle of what it does.
    private void TakeNoPart(string why)
    {
        if (_lost is not null)
            return;
        _lost = why;
        Cluster.Expel(why);
        Cluster.Tell(new NodeExpelled(IsNew: true, why));
        Publish();
        _host.TakeNoPart();
        WriteLost();
    }

    // It must not begin again without asking while the peers that know are away.
    private void WriteLost()
    {
        if (_lost is not { } why || _isLostWritten || _isWritingLost || _host.NowMs < _writeAgainMs)
            return;
        _isWritingLost = true;
        WriteIdentity(_identity with { Lost = why }, failure =>
        {
            _isWritingLost = false;
            _isLostWritten = !IsForLater(failure, "that this node takes no part");
        });
    }
}
