using Kvorum.Node;
using Kvorum.Raft;
using Kvorum.Simulator.Checkers;
using Kvorum.Simulator.World;
using Kvorum.Verification;

namespace Kvorum.Simulator.Groups;

// What whole clusters seldom or never do, a group does many times a second: members come and go in joint
// steps, leadership is handed over, messages overtake each other and come twice, snapshots are cut close,
// leases are asked in the moments in which they may be wrong. The core runs as it is, stepped message by
// message; its host is as small as can be, and disks hold what was made durable and nothing else.

/// <summary>
/// One run of one Raft group, decided by its options alone: rounds of faults, with checkers looking after
/// every step, and after each everything heals and progress is demanded.
/// </summary>
internal sealed class GroupSimulation
{
    // Of an election, a write and its way to all, some of them with half a log to catch up.
    private const long BoundUs = 400L * GroupOptions.TickUs;

    private readonly GroupOptions _options;
    private readonly SimulatedWorld _world;
    private readonly MessageNetwork _network;
    private readonly MemberProcess[] _members;
    private readonly GroupFaults _faults;
    private readonly GroupClients _clients;
    private readonly RaftChecker _raft;
    private readonly DiskChecker _disks;
    private readonly Role[] _roles = new Role[GroupOptions.Nodes];

    private GroupSimulation(GroupOptions options)
    {
        _options = options;
        _world = new(options.Seed, options.Shown, options.Output);
        _network = new(_world, options);
        _raft = new(_world, groups: 1);
        _disks = new(_world, id => Of(id).Member.Disk);
        var ids = Enumerable.Range(1, options.Voters).Select(static id => new NodeId((UInt128)id));
        var founders = new Configuration { Voters = [.. ids] };
        var blank = new Configuration { Voters = [] };
        _members = [.. Enumerable.Range(0, GroupOptions.Nodes).Select(number => new MemberProcess(
            _world, options, _network, _disks, number, number < options.Voters ? founders : blank))];
        _faults = new(_world, options, _network, _members);
        _clients = new(_world, options, _members, _disks);
        _network.Arrived = message => Of(message.To).Receive(message);
        foreach (var member in _members)
            (member.Stepped, member.Crashed) = (Look, _clients.Crashed);
    }

    /// <summary>Runs to the end, or to the first broken promise.</summary>
    public static SimulationResult Run(GroupOptions options) => new GroupSimulation(options).Run();

    private MemberProcess Of(NodeId id) => _members[(int)id.Value - 1];

    private SimulationResult Run()
    {
        try
        {
            foreach (var member in _members)
                member.Start();
            var endUs = _options.Seconds * 1_000_000L;
            for (var round = 1; _world.Failure is null && _world.NowUs < endUs; round++)
                RunRound(round);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _world.Fail($"an exception came out: {e}");
        }

        CheckHistory();
        return new()
        {
            Seed = _options.Seed,
            Failure = _world.Failure,
            TraceHash = _world.Trace.Hash,
            Seconds = _world.NowUs / 1e6,
            Events = _world.Scheduler.Happened,
            Answered = _clients.Answers,
            Faults = new SortedDictionary<FaultKind, long>(
                Enum.GetValues<FaultKind>().ToDictionary(kind => kind, _world.CountOf)),
        };
    }

    private void RunRound(int round)
    {
        Say($"round {round}: faults", round);
        _clients.Begin();
        _world.RunUntil(_world.NowUs + _faults.Begin(), static () => false);
        Say($"round {round}: everything heals", round);
        _clients.Rest();
        _faults.Heal();
        var settled = default((LogIndex Index, Term Term)?);
        Demand(() => IsSettled(ref settled), "a write is committed");
        Demand(
            () => Present().All(member => member.Member.Applied >= settled!.Value.Index.Value),
            "all members apply what is committed");
        DemandReads();
        DemandRest();
    }

    // A group with nothing to do comes to rest, whatever removed members do, and again after its links were
    // gone for a moment.
    private void DemandRest()
    {
        if (!_options.Raft.Quiescence)
            return;
        Demand(IsAtRest, "the group comes to rest");
        _faults.BlipAll();
        Demand(IsAtRest, "the group comes to rest after all links were gone for a moment");
    }

    private bool IsAtRest() =>
        Leader() is not null && Present().All(static member => member.Member.Node!.IsQuiescent);

    // A write that its leader has applied in its own term. One that is lost with its leader is done again.
    private bool IsSettled(ref (LogIndex Index, Term Term)? write)
    {
        if (Leader() is not { } leader)
            return false;
        if (write?.Term != leader.Member.Node!.Term)
            write = _clients.Put(leader, 0);
        return write is { } done && leader.Member.Applied >= done.Index.Value;
    }

    // Each member must serve a read of each register; one that was given up is asked again, as a host would.
    private void DemandReads()
    {
        foreach (var member in Present().ToArray())
        {
            for (var register = 0; register < _clients.Registers; register++)
            {
                var before = _clients.ReadsOf.GetValueOrDefault(member.Number);
                Demand(
                    () =>
                    {
                        if (_clients.ReadsOf.GetValueOrDefault(member.Number) > before)
                            return true;
                        if (!_clients.Waits(member))
                            _clients.Get(member, register, ReadMode.Confirmed);
                        return false;
                    },
                    $"{member.Member.Id} serves a read");
            }
        }
    }

    private void Demand(Func<bool> condition, string promise)
    {
        if (_world.Failure is not null || _world.RunUntil(_world.NowUs + BoundUs, condition))
            return;
        _world.Fail(
            $"progress: within {BoundUs / 1_000_000} s after everything has healed, {promise}: "
            + $"it did not come true\n{Describe()}");
    }

    // All clients saw registers that were read and written one operation after the other.
    private void CheckHistory()
    {
        var result = LinearizabilityChecker.Check(_clients.History);
        if (result.Violations.Count > 0)
            _world.Fail(result.Violations[0].ToString());
        if (result.Undecided.Count > 0)
            _world.Fail($"linearizability: not decided for {string.Join(", ", result.Undecided)}");
    }

    private void Look(MemberProcess member)
    {
        var (node, number) = (member.Member.Node!, member.Number);
        _raft.Look(node, GroupId.Metadata, node, member.Member.Applied);
        _world.Require(!node.IsQuarantined, $"a false alarm: {node.Describe()}");
        if (node.Role == _roles[number])
            return;
        _roles[number] = node.Role;
        _world.Trace.Event(
            Verbosity.Faults, TraceKind.Role, number, node.Term.Value ^ ((ulong)node.Role << 32),
            $"is {node.Role} in term {node.Term}");
    }

    private MemberProcess? Leader() => _members
        .Where(static member => member.Member.Node?.Role == Role.Leader)
        .MaxBy(static member => member.Member.Node!.Term);

    // The members of the leader's configuration; all nodes, if there is no leader.
    private IEnumerable<MemberProcess> Present()
    {
        var configuration = Leader()?.Member.Node!.Configuration;
        return configuration is null ? _members : _members.Where(member =>
            configuration.Voters.Concat(configuration.Learners).Contains(member.Member.Id));
    }

    private string Describe() => string.Concat(_members.Select(static member =>
        member.Member.Node?.Describe() ?? $"{member.Member.Id} is down\n"));

    private void Say(string what, int round) =>
        _world.Trace.Event(Verbosity.Faults, TraceKind.Phase, -1, (ulong)round, $"{what}");
}
