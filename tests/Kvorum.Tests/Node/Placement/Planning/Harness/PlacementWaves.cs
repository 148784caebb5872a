using System.Globalization;
using System.Text;
using Kvorum.Node;
using Kvorum.Node.Placement;
using Kvorum.Node.Placement.Planning;
using Kvorum.Raft;

namespace Kvorum.Tests.Node.Placement.Planning.Harness;

/// <summary>
/// A large cluster on paper: nodes join, fail and leave in waves, each plan is taken as carried out at once,
/// and a table says what came of it.
/// </summary>
internal sealed class PlacementWaves
{
    private const int ZoneCount = 5;
    private const long Bytes = 1L << 30;
    private static readonly KeyspaceId Data = new(1);

    private readonly StringBuilder _table = new();
    private List<PlannedMember> _members = [];
    private PlannedKeyspace _keyspace = new(Data, 3);
    private PlannedGroup[] _groups = [];

    /// <summary>The table of all waves.</summary>
    public static string Table(int nodes, int groups)
    {
        var waves = new PlacementWaves();
        waves._table.Append("| wave | nodes | moves | least possible | most / share | least / share ");
        waves._table.Append("| leaders, most / share | zones |\n|---|---|---|---|---|---|---|---|\n");
        waves.Start(nodes * 6 / 10, groups);
        waves.Wave($"{nodes * 4 / 10} join", () => waves.Join(nodes * 4 / 10));
        waves.Wave($"{nodes / 20} fail", () => waves.Fail((i, _) => i % 20 == 3));
        waves.Wave("they come back empty", waves.ComeBack);
        waves.Wave("a zone fails", () => waves.Fail((_, member) => member.Zone == "z1"));
        waves.Wave("it comes back empty", waves.ComeBack);
        waves.Wave($"{nodes / 10} drain", () => waves.Drain(nodes / 10));
        waves.Wave("replication factor 5", () => waves._keyspace = new PlannedKeyspace(Data, 5));
        waves.Wave("replication factor 3", () => waves._keyspace = new PlannedKeyspace(Data, 3));
        return waves._table.ToString();
    }

    private void Start(int nodes, int groups)
    {
        Join(nodes);
        GroupId[] ids = [.. Enumerable.Range(1, groups).Select(i => new GroupId((uint)i))];
        var targets = Forecast.FirstPlacement(Cluster(), _keyspace, ids, virtualNodes: 64);
        _groups = [.. ids.Zip(targets, (id, target) =>
            new PlannedGroup(id, Data, target, null) { Bytes = Bytes })];
        Wave("first placement", () => { });
    }

    // Every tenth node has twice the weight.
    private void Join(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var number = _members.Count + 1;
            _members.Add(new PlannedMember(new NodeId((UInt128)number * 0x9e3779b97f4a7c15))
            {
                Zone = $"z{number % ZoneCount}",
                Weight = number % 10 == 0 ? 2 * RingMember.Ordinary : RingMember.Ordinary,
            });
        }
    }

    private void Fail(Func<int, PlannedMember, bool> fails) => _members =
        [.. _members.Select((member, i) => fails(i, member) ? member with { SilentSinceMs = 0 } : member)];

    private void ComeBack() =>
        _members = [.. _members.Select(member => member with { SilentSinceMs = null })];

    private void Drain(int count) => _members =
        [.. _members.Select((member, i) => i < count ? member with { IsDraining = true } : member)];

    private PlannedCluster Cluster() => new(
        _members, [_keyspace], [.. _groups.Select(Arrived)],
        new PlannerSettings { MovesMax = 4000, BatchSize = 20_000 }, 1_000_000);

    private static PlannedGroup Arrived(PlannedGroup group) =>
        group with { Actual = new GroupReplicas(group.Target.Voters, group.Target.Learners, []) };

    private static IEnumerable<NodeId> Nodes(PlannedGroup group) =>
        group.Target.Voters.Concat(group.Target.Learners);

    private void Wave(string name, Action change)
    {
        var before = _groups.Select(group => Nodes(group).ToHashSet()).ToArray();
        change();
        var moves = 0;
        while (Planner.Next(Cluster()) is { Changes.Count: > 0 } plan)
        {
            moves += plan.Changes.Count(step => step.Adds is not null);
            var changes = plan.Changes.ToDictionary(step => step.Group);
            _groups = [.. _groups.Select(group =>
                changes.TryGetValue(group.Id, out var step) ? group with { Target = step.Target } : group)];
        }

        var least = _groups.Zip(before).Sum(pair =>
            Nodes(pair.First).Count(node => !pair.Second.Contains(node)));
        Row(name, moves, least);
    }

    private void Row(string name, int moves, int least)
    {
        PlannedMember[] up =
            [.. _members.Where(member => member is { IsDraining: false, SilentSinceMs: null })];
        var shares = new RingNodes(
            [.. up.Select(member => new RingMember(member.Id, member.Weight, member.Zone))],
            _keyspace.ReplicationFactor);
        double weight = up.Sum(member => member.Weight);
        var held = _groups.SelectMany(Nodes).CountBy(node => node).ToDictionary();
        var led = _groups.CountBy(group => group.Target.Voters[0]).ToDictionary();
        double[] parts = [.. shares.Ids.Zip(shares.Shares, (id, share) =>
            held.GetValueOrDefault(id) / (_groups.Length * share.Value))];
        var leads = up.Max(member =>
            led.GetValueOrDefault(member.Id) / (_groups.Length * member.Weight / weight));
        var zoneOf = _members.ToDictionary(member => member.Id, member => member.Zone);
        var zones = up.Select(member => member.Zone).Distinct().Count();
        zones = Math.Min(_keyspace.ReplicationFactor, zones);
        var spread = _groups.Count(group =>
            Nodes(group).Select(node => zoneOf[node]).Distinct().Count() == zones);
        _table.Append(CultureInfo.InvariantCulture, $"| {name} | {up.Length} | {moves} | {least} ")
            .Append(CultureInfo.InvariantCulture, $"| {parts.Max():0.00} | {parts.Min():0.00} ")
            .Append(CultureInfo.InvariantCulture, $"| {leads:0.00} ")
            .Append(CultureInfo.InvariantCulture, $"| {100.0 * spread / _groups.Length:0.#} % |\n");
    }
}
