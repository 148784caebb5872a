using Kvorum.Raft;

namespace Kvorum.Node.Placement.Planning;

/// <summary>
/// The members by number, and what each will carry when all targets are reached: replicas whose move has
/// only begun count, so that two moves never rely on the same room. Nodes of which only targets know are
/// there too, as gone.
/// </summary>
internal sealed class PlannerNodes
{
    private readonly Dictionary<NodeId, int> _numbers = [];
    private readonly List<NodeId> _ids = [];
    private readonly List<PlannedMember?> _members = [];
    private readonly List<int> _zones = [];
    private readonly List<bool> _isGone = [];
    private readonly List<long> _load = [];
    private readonly List<long> _reserved = [];
    private readonly List<int> _led = [];
    private readonly int[] _takersIn;

    /// <summary>The members in the order of their ids; loads are empty.</summary>
    public PlannerNodes(PlannedCluster cluster)
    {
        string[] zones = [.. cluster.Members.Select(static member => member.Zone).Distinct()
            .Order(StringComparer.Ordinal)];
        ZoneCount = zones.Length;
        foreach (var member in cluster.Members.OrderBy(static member => member.Id))
        {
            var silentMs = cluster.NowMs - member.SilentSinceMs;
            var zone = Array.BinarySearch(zones, member.Zone, StringComparer.Ordinal);
            Add(member.Id, member, zone, silentMs >= cluster.Settings.GraceMs);
        }

        MemberCount = cluster.Members.Count;
        Active = [.. Enumerable.Range(0, MemberCount).Where(node => !_members[node]!.IsDraining)];
        _takersIn = new int[zones.Length];
        foreach (var node in Active.Where(Takes))
            _takersIn[_zones[node]]++;
    }

    /// <summary>Members; nodes with higher numbers are none.</summary>
    public int MemberCount { get; }

    /// <summary>Members that are not draining, whether they answer or not.</summary>
    public int[] Active { get; }

    /// <summary>Number of zones.</summary>
    public int ZoneCount { get; }

    /// <summary>Nodes of a zone that may get replicas.</summary>
    public int TakersIn(int zone) => _takersIn[zone];

    /// <summary>A node's id.</summary>
    public NodeId IdOf(int node) => _ids[node];

    /// <summary>A node's number; an unknown one gets the next.</summary>
    public int NumberOf(NodeId id)
    {
        if (!_numbers.TryGetValue(id, out var number))
            number = Add(id, null, -1, isGone: true);
        return number;
    }

    /// <summary>The numbers of nodes.</summary>
    public int[] NumbersOf(IReadOnlyList<NodeId> ids)
    {
        var numbers = new int[ids.Count];
        for (var i = 0; i < numbers.Length; i++)
            numbers[i] = NumberOf(ids[i]);
        return numbers;
    }

    /// <summary>A node's zone; -1 for a node that is no member.</summary>
    public int ZoneOf(int node) => _zones[node];

    /// <summary>The name of a node's zone.</summary>
    public string ZoneNameOf(int node) => _members[node]?.Zone ?? "";

    /// <summary>True if a node is a member that does not answer for the grace time, or no member.</summary>
    public bool IsGone(int node) => _isGone[node];

    /// <summary>True if what a node had is gone: it was declared lost, or is no member.</summary>
    public bool IsLost(int node) => _members[node] is not { IsLost: false };

    /// <summary>True if a node answers now.</summary>
    public bool Answers(int node) => _members[node] is { SilentSinceMs: null };

    /// <summary>True if a node's replicas may stay where they are.</summary>
    public bool Keeps(int node) => !_isGone[node] && !_members[node]!.IsDraining;

    /// <summary>True if a node may get replicas and leadership.</summary>
    public bool Takes(int node) => Keeps(node) && Answers(node);

    /// <summary>What room a node has now, of which some may be promised.</summary>
    public long FreeOf(int node) => _members[node]!.RoomBytes;

    /// <summary>What can still be promised to a node.</summary>
    public long RoomOf(int node) => _members[node]!.RoomBytes - _reserved[node];

    /// <summary>A node's load for each unit of weight.</summary>
    public double DensityOf(int node) => (double)_load[node] / WeightOf(node);

    /// <summary>Groups whose preferred leader a node is, for each unit of weight.</summary>
    public double LedDensityOf(int node) => (double)_led[node] / WeightOf(node);

    /// <summary>A node's weight.</summary>
    public int WeightOf(int node) => _members[node]?.Weight ?? RingMember.Ordinary;

    /// <summary>
    /// By how much the sum over all nodes of load squared by weight falls if a load goes from one node to
    /// another: the potential of which every balance step has to take away something.
    /// </summary>
    public double Gain(int from, int to, long load) => load
        * ((((2.0 * _load[from]) - load) / WeightOf(from)) - (((2.0 * _load[to]) + load) / WeightOf(to)));

    /// <summary>The same for one group's leadership.</summary>
    public double LedGain(int from, int to) =>
        (((2.0 * _led[from]) - 1) / WeightOf(from)) - (((2.0 * _led[to]) + 1) / WeightOf(to));

    /// <summary>Puts a load on a node, or takes a negative one off.</summary>
    public void AddLoad(int node, long load) => _load[node] += load;

    /// <summary>Promises room of a node, or takes a negative promise back.</summary>
    public void Reserve(int node, long bytes) => _reserved[node] += bytes;

    /// <summary>Counts groups that a node is the preferred leader of.</summary>
    public void AddLed(int node, int count) => _led[node] += count;

    /// <summary>Ids of nodes, for messages.</summary>
    public string Names(IEnumerable<int> nodes) => string.Join(", ", nodes.Select(node => _ids[node]));

    private int Add(NodeId id, PlannedMember? member, int zone, bool isGone)
    {
        var number = _ids.Count;
        _numbers.Add(id, number);
        _ids.Add(id);
        _members.Add(member);
        _zones.Add(zone);
        _isGone.Add(isGone);
        _load.Add(0);
        _reserved.Add(0);
        _led.Add(0);
        return number;
    }
}
