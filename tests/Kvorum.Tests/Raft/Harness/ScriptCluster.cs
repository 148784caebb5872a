using System.Globalization;
using System.Text;
using Kvorum.Node;
using Kvorum.Raft;
using Kvorum.Simulator.Checkers;
using Kvorum.Simulator.Groups;
using Kvorum.Simulator.World;

namespace Kvorum.Tests.Raft.Harness;

/// <summary>
/// A group that moves only as a script says: every message waits in a list until it is delivered, dropped,
/// doubled or overtaken by name; taking, persisting and applying are separate commands. The commands are
/// described in <c>testdata/README.txt</c>.
/// </summary>
internal sealed class ScriptCluster
{
    private readonly SortedDictionary<NodeId, GroupMember> _replicas = [];
    private SimulatedWorld _world = null!;
    private RaftChecker _raft = null!;
    private DiskChecker _disks = null!;
    private readonly List<Message> _network = [];
    private readonly List<Message> _held = [];
    private readonly HashSet<NodeId> _isolated = [];
    private readonly Dictionary<string, Func<string[], string>> _commands;
    private RaftOptions _template = DefaultOptions;
    private StringBuilder? _trace;
    private bool _isChecked = true;

    public ScriptCluster()
    {
        BeginChecks();
        _commands = new()
        {
            ["nodes"] = Nodes,
            ["disk"] = SetDisk,
            ["restart"] = a => Each(a, r => { r.Crash(0, 0); r.Start(new Random(1)); }),
            ["crash"] = Crash,
            ["campaign"] = a => Each(a, r => r.Node!.Campaign()),
            ["tick"] = Tick,
            ["propose"] = Propose,
            ["change"] = Change,
            ["read"] = Read,
            ["transfer"] = a => Of(a[0]).Node!.TransferLeadership(Id(a[1])) ? "" : "refused\n",
            ["gone"] = a => Each([a[0]], r => r.Node!.LeaderGone((int)Number(a[1]))),
            ["ask-if-removed"] = a => Each([a[0]], r => r.Node!.AskIfRemoved(a[1..].Select(Id))),
            ["wake"] = a => Each(a, r => r.Node!.Wake()),
            ["reachable"] = a => Each([a[0]], r => r.Node!.PeerReachable(Id(a[1]))),
            ["unreachable"] = a => Each([a[0]], r => r.Node!.PeerUnreachable(Id(a[1]))),
            ["snapshot-sent"] = a => Each([a[0]], r => r.Node!.SnapshotSent(Id(a[1]), a[2] == "yes")),
            ["compact"] = a => Each([a[0]], r => r.Compact(a.Length > 1 ? Number(a[1]) : 0)),
            ["take"] = a => Each(a, Take),
            ["persist"] = a => Each(a, Persist),
            ["apply"] = a => Each(a, Apply),
            ["work"] = a => Each(a, Work),
            ["settle"] = Settle,
            ["deliver"] = a => Pick(a, m => Deliver(m)),
            ["drop"] = a => Pick(a, _ => { }),
            ["double"] = Double,
            ["hold"] = a => Pick(a, _held.Add),
            ["release"] = _ => { _network.AddRange(_held); _held.Clear(); return ""; },
            ["pass"] = Pass,
            ["reverse"] = Reverse,
            ["isolate"] = a => { _isolated.UnionWith(a.Select(Id)); return ""; },
            ["quarantine"] = a => Each(a, r => r.Node!.Quarantine()),
            ["end-quarantine"] = a => Each(a, r => r.Node!.EndQuarantine()),
            ["discarded"] = Discarded,
            ["unchecked"] = _ => { _isChecked = false; return ""; },
            ["heal"] = _ => { _isolated.Clear(); return ""; },
            ["network"] = _ => string.Concat(_network.Select(m => Transcript.Of(m) + "\n")),
            ["state"] = a => string.Concat(Named(a).Select(r => r.Node?.Describe() ?? $"{r.Id} down\n")),
            ["roles"] = _ => string.Concat(_replicas.Values.Select(Summary)),
        };
    }

    public static RaftOptions DefaultOptions { get; } = new()
    {
        Id = default,
        HeartbeatTicks = 1,
        ElectionTimeoutMinTicks = 10,
        ElectionTimeoutMaxTicks = 11,
        Quiescence = false,
    };

    /// <summary>Runs one command and returns what it printed.</summary>
    public string Run(string line)
    {
        _trace = new StringBuilder();
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var printed = _commands[words[0]](words[1..]);
        foreach (var replica in _replicas.Values) Look(replica);
        return _trace.Append(printed).ToString();
    }

    private string Nodes(string[] arguments)
    {
        _replicas.Clear();
        _network.Clear();
        _isolated.Clear();
        _isChecked = true;
        BeginChecks();
        var ids = (string name) => Option(arguments, name)?.Split(',').Select(Id).ToArray() ?? [];
        var configuration = new Configuration { Voters = ids("voters"), Learners = ids("learners") };
        _template = DefaultOptions with
        {
            PreVote = Option(arguments, "prevote") != "off",
            CheckQuorum = Option(arguments, "checkquorum") != "off",
            Quiescence = Option(arguments, "quiescence") == "on",
            HeartbeatTicks = (int)Number(Option(arguments, "heartbeat") ?? "1"),
            AppendBytesMax = (long)Number(Option(arguments, "append-bytes") ?? "1000000"),
            InflightMessagesMax = (int)Number(Option(arguments, "inflight") ?? "256"),
            UncommittedBytesMax = (long)Number(Option(arguments, "uncommitted-bytes") ?? "1000000"),
        };
        foreach (var id in configuration.Voters.Concat(configuration.Learners)) Add(id, configuration);
        foreach (var id in ids("blank")) Add(id, new Configuration { Voters = [] });
        return "";
    }

    private void Add(NodeId id, Configuration configuration)
    {
        _replicas[id] = new GroupMember(_template with { Id = id }, configuration);
        _replicas[id].Start(new Random(1));
    }

    /// <summary>Gives a node a log made of terms, as figures of the paper show them.</summary>
    private string SetDisk(string[] arguments)
    {
        var replica = Of(arguments[0]);
        var terms = Option(arguments, "terms")?.Split(',').Select(Number).ToArray() ?? [];
        replica.Disk.Write(new Ready
        {
            Sequence = 1,
            HardState = new HardState(
                new(Number(Option(arguments, "term")!)), null,
                new(Number(Option(arguments, "commit") ?? "0"))),
            Entries = [.. terms.Select((term, i) =>
                new Entry(new((ulong)i + 1), new(term), EntryKind.Command, default))],
        });
        replica.Crash(0, 0);
        replica.Start(new Random(1));
        return "";
    }

    /// <summary>The node restarts with nothing but its term and vote.</summary>
    private string Discarded(string[] arguments)
    {
        var id = Id(arguments[0]);
        var before = _replicas[id].Disk.HardState with { Commit = default };
        _replicas[id].Crash(0, 0);
        _replicas[id] = new GroupMember(_template with { Id = id }, new Configuration { Voters = [] });
        _replicas[id].Disk.Write(new Ready { Sequence = 1, HardState = before });
        _replicas[id].Start(new Random(1));
        _replicas[id].Node!.Discarded(arguments.Length > 1 ? Id(arguments[1]) : null);
        return "";
    }

    private string Crash(string[] arguments)
    {
        Of(arguments[0]).Crash((int)Number(Option(arguments, "written") ?? "0"), 0);
        return "";
    }

    private string Tick(string[] arguments)
    {
        var times = arguments.Length > 1 ? (int)Number(arguments[1]) : 1;
        for (; times > 0; times--) Each([arguments[0]], r => r.Node?.Tick());
        return "";
    }

    /// <summary>Time passes in a group that works meanwhile.</summary>
    private string Pass(string[] arguments)
    {
        for (var times = (int)Number(arguments[0]); times > 0; times--)
        {
            Each([], r => r.Node?.Tick());
            Settle(["quiet"]);
        }
        return "";
    }

    private string Propose(string[] arguments)
    {
        var data = Encoding.UTF8.GetBytes(arguments.Length > 1 ? arguments[1] : "");
        return Text(Of(arguments[0]).Node!.Propose(data));
    }

    private string Change(string[] arguments)
    {
        var changes = arguments[1..].Select(word => new MemberChange(
            word[0] switch
            {
                '+' => MemberChangeKind.AddVoter,
                '~' => MemberChangeKind.AddLearner,
                _ => MemberChangeKind.Remove,
            },
            Id(word[1..])));
        return Text(Of(arguments[0]).Node!.Propose(new ConfigurationChange([.. changes])));
    }

    private static string Text(ProposeResult result) => result.Outcome == ProposeOutcome.Accepted
        ? $"accepted {result.Index}/t{result.Term}\n"
        : result.Outcome.ToString().ToLowerInvariant() + "\n";

    private string Read(string[] arguments)
    {
        var mode = arguments.Contains("lease") ? ReadMode.Lease : ReadMode.Confirmed;
        Of(arguments[0]).Node!.ReadIndex(Number(arguments[1]), mode);
        return "";
    }

    private void Take(GroupMember replica)
    {
        if (!replica.Node!.HasReady) return;
        var ready = replica.Take();
        _trace!.Append(Transcript.Of(replica.Id, ready));
        Post(ready.Messages);
        Look(replica);
    }

    private void Work(GroupMember replica)
    {
        if (replica.Node is null) return;
        while (replica.Node.HasReady || replica.CanPersist || replica.CanApply)
        {
            Take(replica);
            while (replica.CanPersist) Persist(replica);
            Apply(replica);
        }
    }

    private void Apply(GroupMember replica)
    {
        while (replica.CanApply)
        {
            replica.Apply();
            Look(replica);
        }
    }

    private void Persist(GroupMember replica)
    {
        if (replica.CanPersist) Post(replica.Persist());
        else _trace!.Append("nothing to write\n");
        Look(replica);
    }

    /// <summary>Works and delivers until nothing moves.</summary>
    private string Settle(string[] arguments)
    {
        var budget = 10_000;
        do
        {
            foreach (var replica in _replicas.Values) Work(replica);
            foreach (var message in _network.ToArray())
            {
                _network.Remove(message);
                Deliver(message);
            }
            Assert.True(--budget > 0, "the group never comes to rest");
        }
        while (_network.Count > 0 || _replicas.Values.Any(r => r.Node?.HasReady == true));
        if (arguments.Contains("quiet")) _trace!.Clear();
        return "";
    }

    private void Deliver(Message message)
    {
        if (!_replicas.TryGetValue(message.To, out var replica) || replica.Node is null) return;
        replica.Node.Step(message);
        Look(replica);
    }

    private string Double(string[] arguments)
    {
        _network.AddRange(_network.Where(Selector(arguments)).ToArray());
        return "";
    }

    private string Reverse(string[] arguments)
    {
        var chosen = _network.Where(Selector(arguments)).Reverse().ToArray();
        _network.RemoveAll(m => chosen.Contains(m));
        _network.AddRange(chosen);
        return "";
    }

    /// <summary>
    /// Takes the messages meant out of the network: <c>1->2</c>, <c>->2</c>, <c>1-></c>, a kind, and
    /// <c>first</c>.
    /// </summary>
    private string Pick(string[] arguments, Action<Message> use)
    {
        var chosen = _network.Where(Selector(arguments)).ToArray();
        if (arguments.Contains("first")) chosen = chosen[..1];
        if (chosen.Length == 0) return "nothing\n";
        foreach (var message in chosen)
        {
            _network.RemoveAt(_network.FindIndex(m => ReferenceEquals(m, message)));
            use(message);
        }
        return "";
    }

    private static Predicate<Message> Matching(string[] arguments) => message => arguments.All(word =>
    {
        if (word is "first" or "all") return true;
        if (!word.Contains("->")) return message.GetType().Name == word;
        var ends = word.Split("->");
        return (ends[0] == "" || message.From == Id(ends[0])) && (ends[1] == "" || message.To == Id(ends[1]));
    });

    private static Func<Message, bool> Selector(string[] arguments) => new(Matching(arguments));

    private void Post(IEnumerable<Message> messages)
    {
        foreach (var message in messages)
        {
            _disks.Leaves(message);
            NothingIsBroken();
            if (!_isolated.Contains(message.From) && !_isolated.Contains(message.To)) _network.Add(message);
        }
    }

    private void Look(GroupMember replica)
    {
        if (replica.Node is null) return;
        _raft.Look(replica.Node, GroupId.Metadata, replica.Node, replica.Applied);
        _disks.Look(replica.Node);
        NothingIsBroken();
    }

    private void BeginChecks()
    {
        _world = new(0, Verbosity.Outcome, null);
        _raft = new(_world, groups: 1);
        _disks = new(_world, id => _replicas[id].Disk);
    }

    private void NothingIsBroken() => Assert.True(!_isChecked || _world.Failure is null, _world.Failure);

    private string Each(string[] names, Action<GroupMember> act)
    {
        foreach (var replica in Named(names)) act(replica);
        return "";
    }

    private IEnumerable<GroupMember> Named(string[] names) =>
        names.Length == 0 || names[0] == "all" ? _replicas.Values : names.Select(Of);

    private static string Summary(GroupMember replica)
    {
        if (replica.Node is not { } node) return $"{replica.Id} down\n";
        var (role, leader) = (node.Role.ToString().ToLowerInvariant(), node.Leader?.ToString() ?? "none");
        return $"{node.Id} {role} term={node.Term} leader={leader} last={node.LastIndex} "
            + $"commit={node.CommitIndex}{(node.IsQuiescent ? " quiescent" : "")}"
            + (node.IsQuarantined ? " quarantined\n" : "\n");
    }

    private GroupMember Of(string name) => _replicas[Id(name)];

    private static NodeId Id(string text) => new(Number(text));

    private static ulong Number(string text) => ulong.Parse(text, CultureInfo.InvariantCulture);

    private static string? Option(string[] arguments, string name)
    {
        var prefix = name + "=";
        var found = arguments.FirstOrDefault(a => a.StartsWith(prefix, StringComparison.Ordinal));
        return found?[prefix.Length..];
    }
}
