using System.Text;
using Kvorum.Node;
using Kvorum.Node.Access;
using Kvorum.Protocol;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Rights;

/// <summary>
/// Rights in a run: an operator who changes them, users who try what they may do and what not at any node,
/// and nodes that are cut off for long while users reach them.
/// </summary>
internal sealed class RightsRun
{
    private const long ProbePauseUs = 40_000;
    private const double CutMeanUs = 12_000_000;

    private readonly Cluster _cluster;
    private readonly AccessHistory _history;
    private readonly AccessOperator _operator;
    private readonly RandomStream _probes;
    private readonly RandomStream _cuts;
    private int _round;
    private bool _areFaults;

    /// <summary>Rights of a cluster that has them, from the start of the run.</summary>
    public RightsRun(Cluster cluster, RightsOptions options)
    {
        _cluster = cluster;
        _history = new(cluster.World, options.BoundUs);
        _operator = new(cluster, _history, options.Users);
        _probes = cluster.World.Random("users");
        _cuts = cluster.World.Random("nodes cut off from rights");
    }

    private SimulatedWorld World => _cluster.World;

    /// <summary>Once, at the start of the run.</summary>
    public void Begin()
    {
        _operator.Begin();
        Probe();
    }

    /// <summary>A time of faults begins.</summary>
    public void BeginFaults()
    {
        _operator.Rest(isResting: false);
        _areFaults = true;
        PlanCut(++_round);
    }

    /// <summary>Everything heals.</summary>
    public void EndFaults() => (_areFaults, _round) = (false, _round + 1);

    /// <summary>No more changes are begun.</summary>
    public void Rest() => _operator.Rest(isResting: true);

    /// <summary>True once the last change is acknowledged.</summary>
    public bool IsIdle() => _operator is { IsOn: true, IsIdle: true };

    /// <summary>What is open of former attempts is asked for once more.</summary>
    public void AskAnew() => _operator.AskAnew();

    /// <summary>
    /// True once every node decides as the last changes say: what is permitted is served, nothing else.
    /// </summary>
    public bool IsExact()
    {
        _history.CloseAll();
        foreach (var process in _cluster.TakingPart)
        {
            foreach (var user in _history.Users)
            {
                var rights = _history.Newest(user).Rights;
                foreach (var need in Needs(user))
                {
                    var status = process.WhyRefused(user, need)?.Status;
                    if (rights.Allow(need) ? status is not null
                        : status is not (ReplyStatus.PermissionDenied or ReplyStatus.Unauthenticated))
                        return false;
                }
            }
        }

        return true;
    }

    private static IEnumerable<AccessNeed> Needs(string user) =>
        from key in Keys(user)
        from keyspace in (string[])[KeyspaceName.Default, Cluster.Orders]
        from action in (AccessActions[])
            [AccessActions.Read, AccessActions.Write, AccessActions.Delete, AccessActions.Status]
        select AccessNeed.OfKey(action, keyspace, Encoding.UTF8.GetBytes(key));

    private static string[] Keys(string user) =>
        [AccessOperator.PrefixOf(user) + "1", AccessOperator.PrefixOf(user) + "2", "rights-all-1", "other"];

    // A user asks any node that runs, over a connection that lasts as long as the node's process.
    private void Probe()
    {
        World.Scheduler.After(_probes.Exponential(ProbePauseUs), Probe);
        var running = _cluster.Running.Where(static process => !process.Machine.IsForeign).ToArray();
        if (running.Length == 0 || World.HasForgotten)
            return;
        var (process, user) = (_probes.Pick(running), _probes.Pick(_history.Users.ToArray()));
        var request = Draw(user);
        process.After(0, () =>
        {
            var need = AccessNeed.Of(request);
            var refused = process.WhyRefused(user, need);
            // A node that knows no users knows nothing of rights, in whatever cluster.
            if (!World.HasForgotten && process.Node.Access is not { Users.IsEmpty: true })
                _history.Decided(user, need, refused, process.Name);
            // Others would leave keys behind that no checker knows.
            if (refused is null && request is GetRequest or ScanRequest)
                process.Node.Submit(new UsersCall(World, request));
        });
    }

    private Request Draw(string user)
    {
        var key = Encoding.UTF8.GetBytes(_probes.Pick(Keys(user)));
        return _probes.Below(5) switch
        {
            0 => new PutRequest { Key = key, Value = key, ReturnPrevious = _probes.Chance(0.3) },
            1 => new DeleteRequest { Key = key, IfVersion = _probes.Chance(0.3) ? 1UL : null },
            2 => new ScanRequest { Key = key, End = KeyRange.OfPrefix(key).End, Limit = 3 },
            _ => new GetRequest { Key = key, Consistency = ReadConsistency.Stale },
        };
    }

    private void PlanCut(int round) => World.Scheduler.After(_cuts.Exponential(CutMeanUs), () =>
    {
        if (round != _round || !_areFaults)
            return;
        CutOff();
        PlanCut(round);
    });

    private void CutOff()
    {
        var machine = _cuts.Below(_cluster.Network.Machines);
        var others = Enumerable.Range(0, _cluster.Network.Machines)
            .Where(other => other != machine).ToArray();
        var us = _cuts.Between(2_000_000, 25_000_000);
        World.Fired(FaultKind.Split);
        World.Trace.Event(
            Verbosity.Faults, TraceKind.Fault, machine, (ulong)us,
            $"is cut off from all others for {us / 1000} ms");
        foreach (var other in others)
        {
            _cluster.Network.Cut(machine, other);
            _cluster.Network.Cut(other, machine);
        }

        var round = _round;
        World.Scheduler.After(us, () =>
        {
            if (round != _round)
                return;
            foreach (var other in others)
            {
                _cluster.Network.Mend(machine, other);
                _cluster.Network.Mend(other, machine);
            }
        });
    }

    private sealed class UsersCall(SimulatedWorld world, Request request)
        : Call(request, TimeSpan.FromSeconds(1))
    {
        public override void Complete(Reply reply) => world.Require(
            reply.Status is not (ReplyStatus.PermissionDenied or ReplyStatus.Unauthenticated),
            $"rights: a request that a node let in was refused by another one: {reply.Message}");
    }
}
