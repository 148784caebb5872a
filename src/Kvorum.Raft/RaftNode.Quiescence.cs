namespace Kvorum.Raft;

/// <summary>
/// Rest of idle groups: the leader says once that nothing is left to do, and all timers stop. Any message,
/// proposal or read ends the rest. A follower that cannot rest keeps its timer and, when that runs out, wakes
/// the group by a pre-vote, which the leader answers with a heartbeat.
/// </summary>
public sealed partial class RaftNode
{
    private long _activityTick;

    /// <summary>Ends quiescence: the timers run again.</summary>
    public void Wake()
    {
        if (!IsQuiescent) return;
        IsQuiescent = false;
        _electionElapsed = 0;
        if (Role != Role.Leader) return;
        // No peer sends during the rest: silence counts from now, and the first heartbeat goes with the next
        // tick.
        foreach (var peer in _peers.All) peer.HeardTick = peer.ProgressTick = _now;
        _heartbeatElapsed = _options.HeartbeatTicks;
        _activityTick = _now;
    }

    /// <summary>Notes activity: the group stays awake for an election timeout from now.</summary>
    private void Touch()
    {
        Wake();
        _activityTick = _now;
    }

    private void WakeFor(Message message)
    {
        var saidAgain = message is Heartbeat { Quiesce: true } && message.Term == Term;
        if (!saidAgain || Role != Role.Follower) Wake();
    }

    private bool MayRest
    {
        get
        {
            if (!_options.Quiescence || _transferTarget is not null) return false;
            if (!_rounds.IsIdle || Configuration.IsJoint) return false;
            if (_now - _activityTick < _options.ElectionTimeoutMinTicks) return false;
            if (_log.Commit < _log.LastIndex || _log.Stable < _log.LastIndex) return false;
            foreach (var peer in _peers.All)
            {
                // An answer that is still under way would end the rest as soon as it began. A peer in state
                // Probe may rest: there is nothing to send that would end that state.
                var complete = peer.Match == _log.LastIndex && peer.ConfirmedRound == _rounds.Newest;
                // A silent peer may be at rest itself, under a leader that is gone. Only the host knows
                // whether the peer can be reached.
                if ((IsActive(peer) || peer.IsReachable) && !complete) return false;
            }
            return true;
        }
    }

    /// <summary>Tells all members, and ends the lease: what was sent before the rest is forgotten.</summary>
    private void Rest()
    {
        foreach (var peer in _peers.All)
        {
            if (peer.Node != Id) SendHeartbeat(peer, 0, quiesce: true);
        }
        _rounds.ForgetLease();
        IsQuiescent = true;
    }

    private bool TryRest(Heartbeat message)
    {
        var complete = message.Commit.Value == _log.LastIndex && _log.Commit == _log.LastIndex;
        if (!complete || !_options.Quiescence || _log.Installing is not null) return false;
        IsQuiescent = true;
        return true;
    }
}
