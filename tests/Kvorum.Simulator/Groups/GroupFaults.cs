using Kvorum.Raft;
using Kvorum.Simulator.Nemesis;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Groups;

/// <summary>What goes wrong in a run of one group, and what operators do to it.</summary>
internal sealed class GroupFaults
{
    private readonly SimulatedWorld _world;
    private readonly GroupOptions _options;
    private readonly MessageNetwork _network;
    private readonly IReadOnlyList<MemberProcess> _members;
    private readonly RandomStream _random;
    private readonly FaultPlan _plan;

    public GroupFaults(
        SimulatedWorld world, GroupOptions options, MessageNetwork network,
        IReadOnlyList<MemberProcess> members)
    {
        (_world, _options, _network, _members) = (world, options, network, members);
        _random = world.Random("faults");
        _plan = new(world, options.Faults, Strike);
    }

    /// <summary>A time of faults begins; returns how long it lasts, in microseconds.</summary>
    public long Begin()
    {
        var (least, greatest) = (_options.Faults.RoundMinSeconds, _options.Faults.RoundMaxSeconds);
        var length = 1_000_000 * _random.Between(least, greatest);
        _network.Heal(isWhole: false);
        _plan.Begin(length);
        return length;
    }

    /// <summary>Everything heals, and every member runs.</summary>
    public void Heal()
    {
        _plan.End();
        _network.Heal(isWhole: true);
        foreach (var member in _members)
        {
            member.PausedUntilUs = 0;
            if (member.Member.Node is null)
                member.Start();
            member.Do(static node => node.Wake());
            foreach (var other in _members)
                member.Do(node => node.PeerReachable(other.Member.Id));
        }
    }

    /// <summary>Each member hears that each other one is out of reach, and at once that it is not.</summary>
    public void BlipAll()
    {
        foreach (var member in _members)
        {
            foreach (var other in _members)
                Blip(member, other.Member.Id, 0);
        }
    }

    private void Strike(FaultKind kind)
    {
        if (!Happens(kind, _random.Pick(_members)))
            return;
        _world.Fired(kind);
        _world.Trace.Event(Verbosity.Faults, TraceKind.Fault, -1, (ulong)kind, $"{kind}");
    }

    private bool Happens(FaultKind kind, MemberProcess member) => kind switch
    {
        FaultKind.PowerLoss => Crash(member),
        FaultKind.Pause => Pause(member),
        FaultKind.OneWayCut => CutOneWay(),
        FaultKind.LeaderCut => CutLeader(),
        FaultKind.Split => CutAtRandom(),
        FaultKind.MembershipChange => ChangeMembers(),
        FaultKind.LeadershipTransfer => Transfer(),
        FaultKind.ForcedCampaign => member.IsAwake && Told(member, static node => node.Campaign()),
        FaultKind.Compaction => Compact(),
        FaultKind.LinkBlip => Blip(member, _random.Pick(_members).Member.Id, _random.Between(0, 100_000)),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "not made in runs of one group"),
    };

    private bool Crash(MemberProcess member)
    {
        if (member.Member.Node is null)
            return false;
        var id = member.Member.Id;
        member.Crash();
        _world.Scheduler.After(_random.Exponential(140_000), () =>
        {
            if (member.Member.Node is null)
                member.Start();
        });
        // The transport of some sees that the leader's process is gone.
        foreach (var other in _members)
        {
            if (other.IsAwake && other.Member.Node!.Leader == id && _random.Chance(0.67))
                other.Do(node => node.LeaderGone(_random.Below(5)));
        }

        return true;
    }

    private bool Pause(MemberProcess member)
    {
        if (!member.IsAwake)
            return false;
        member.PausedUntilUs = _world.NowUs + _random.Between(1000, 500_000);
        return true;
    }

    private bool CutOneWay()
    {
        _network.Cut(_random.Pick(_members).Member.Id, _random.Pick(_members).Member.Id, LongUs());
        return true;
    }

    // A leader that some, or all, do not hear, or that hears not them.
    private bool CutLeader()
    {
        if (Leader() is not { } leader)
            return false;
        var (id, voters) = (leader.Member.Id, leader.Member.Node!.Configuration.Voters);
        var one = _random.Chance(0.5) && voters.Count > 0 ? _random.Pick(voters) : default;
        var (isMute, isDeaf, us) = (_random.Chance(0.6), _random.Chance(0.6), LongUs());
        foreach (var other in _members.Select(static member => member.Member.Id))
        {
            if (one != default && other != one)
                continue;
            if (isMute)
                _network.Cut(id, other, us);
            if (isDeaf)
                _network.Cut(other, id, us);
        }

        return isMute || isDeaf;
    }

    private bool CutAtRandom()
    {
        var us = LongUs();
        foreach (var from in _members)
        {
            foreach (var to in _members)
            {
                if (_random.Chance(0.33))
                    _network.Cut(from.Member.Id, to.Member.Id, us);
            }
        }

        return true;
    }

    private bool ChangeMembers()
    {
        if (Leader() is not { } leader)
            return false;
        var changes = new List<MemberChange>();
        for (var count = _random.Between(1, 3); count > 0; count--)
        {
            var node = _members[_random.Below(_options.Changed)].Member.Id;
            changes.Add(new((MemberChangeKind)_random.Between(1, 3), node));
        }

        var outcome = ProposeOutcome.Refused;
        leader.Do(node => outcome = node.Propose(new ConfigurationChange(changes)).Outcome);
        return outcome == ProposeOutcome.Accepted;
    }

    private bool Transfer()
    {
        if (Leader() is not { } leader)
            return false;
        var voters = leader.Member.Node!.Configuration.Voters;
        var isTried = false;
        if (voters.Count > 0)
            leader.Do(node => isTried = node.TransferLeadership(_random.Pick(voters)));
        return isTried;
    }

    private bool Compact()
    {
        foreach (var member in _members)
        {
            if (member.IsAwake && member.Member.Applied > 0 && _random.Chance(0.2))
                member.Do(_ => member.Member.Compact((ulong)_random.Below(4)));
        }

        return true;
    }

    // Nothing need be lost by it.
    private bool Blip(MemberProcess member, NodeId other, long us)
    {
        if (!member.IsAwake)
            return false;
        var isLeader = member.Member.Node!.Role == Role.Leader;
        member.Do(node => node.PeerUnreachable(other));
        void IsBack() => member.Do(node => node.PeerReachable(other));
        if (us == 0)
            IsBack();
        else
            _world.Scheduler.After(us, () => { if (member.IsAwake) IsBack(); });
        return isLeader;
    }

    private static bool Told(MemberProcess member, Action<RaftNode> what)
    {
        member.Do(what);
        return true;
    }

    // A few election timeouts at most.
    private long LongUs()
    {
        const long tickUs = GroupOptions.TickUs;
        return _random.Between(tickUs, 3 * tickUs * _options.Raft.ElectionTimeoutMaxTicks);
    }

    private MemberProcess? Leader()
    {
        var leaders = _members
            .Where(static member => member.IsAwake && member.Member.Node!.Role == Role.Leader).ToArray();
        return leaders.Length == 0 ? null : _random.Pick(leaders);
    }
}
