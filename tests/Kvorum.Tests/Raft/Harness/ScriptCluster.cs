using System.Globalization;
using System.Text;
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
    private readonly SortedDictionary<NodeId, GroupMember> replicas = [];
    private SimulatedWorld world = null!;
    private RaftChecker raft = null!;
    private DiskChecker disks = null!;
    private readonly List<Message> network = [];
    private readonly List<Message> held = [];
    private readonly HashSet<NodeId> isolated = [];
    private readonly Dictionary<string, Func<string[], string>> commands;
    private RaftOptions template = DefaultOptions;
    private StringBuilder? trace;
    private bool isChecked = true;

    public ScriptCluster()
    {
        BeginChecks();
        commands = new()
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
            ["hold"] = a => Pick(a, held.Add),
            ["release"] = _ => { network.AddRange(held); held.Clear(); return ""; },
            ["pass"] = Pass,
            ["reverse"] = Reverse,
            ["isolate"] = a => { isolated.UnionWith(a.Select(Id)); return ""; },
            ["quarantine"] = a => Each(a, r => r.Node!.Quarantine()),
            ["end-quarantine"] = a => Each(a, r => r.Node!.EndQuarantine()),
            ["discarded"] = Discarded,
            ["unchecked"] = _ => { isChecked = false; return ""; },
            ["heal"] = _ => { isolated.Clear(); return ""; },
            ["network"] = _ => string.Concat(network.Select(m => Transcript.Of(m) + "\n")),
            ["state"] = a => string.Concat(Named(a).Select(r => r.Node?.Describe() ?? $"{r.Id} down\n")),
            ["roles"] = _ => string.Concat(replicas.Values.Select(Summary)),
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
        trace = new StringBuilder();
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var printed = commands[words[0]](words[1..]);
        foreach (var replica in replicas.Values) Look(replica);
        return trace.Append(printed).ToString();
    }

    private string Nodes(string[] arguments)
    {
        replicas.Clear();
        network.Clear();
        isolated.Clear();
        isChecked = true;
        BeginChecks();
        var ids = (string name) => Option(arguments, name)?.Split(',').Select(Id).ToArray() ?? [];
        var configuration = new Configuration { Voters = ids("voters"), Learners = ids("learners") };
        template = DefaultOptions with
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
        replicas[id] = new GroupMember(template with { Id = id }, configuration);
        replicas[id].Start(new Random(1));
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
        var before = replicas[id].Disk.HardState with { Commit = default };
        replicas[id].Crash(0, 0);
        replicas[id] = new GroupMember(template with { Id = id }, new Configuration { Voters = [] });
        replicas[id].Disk.Write(new Ready { Sequence = 1, HardState = before });
        replicas[id].Start(new Random(1));
        replicas[id].Node!.Discarded(arguments.Length > 1 ? Id(arguments[1]) : null);
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
        trace!.Append(Transcript.Of(replica.Id, ready));
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
        else trace!.Append("nothing to write\n");
        Look(replica);
    }

    /// <summary>Works and delivers until nothing moves.</summary>
    private string Settle(string[] arguments)
    {
        var budget = 10_000;
        do
        {
            foreach (var replica in replicas.Values) Work(replica);
            foreach (var message in network.ToArray())
            {
                network.Remove(message);
                Deliver(message);
            }
            Assert.True(--budget > 0, "the group never comes to rest");
        }
        while (network.Count > 0 || replicas.Values.Any(r => r.Node?.HasReady == true));
        if (arguments.Contains("quiet")) trace!.Clear();
        return "";
    }

    private void Deliver(Message message)
    {
        if (!replicas.TryGetValue(message.To, out var replica) || replica.Node is null) return;
        replica.Node.Step(message);
        Look(replica);
    }

    private string Double(string[] arguments)
    {
        network.AddRange(network.Where(Selector(arguments)).ToArray());
        return "";
    }

    private string Reverse(string[] arguments)
    {
        var chosen = network.Where(Selector(arguments)).Reverse().ToArray();
        network.RemoveAll(m => chosen.Contains(m));
        network.AddRange(chosen);
        return "";
    }

    /// <summary>
    /// Takes the messages meant out of the network: <c>1->2</c>, <c>->2</c>, <c>1-></c>, a kind, and
    /// <c>first</c>.
    /// </summary>
    private string Pick(string[] arguments, Action<Message> use)
    {
        var chosen = network.Where(Selector(arguments)).ToArray();
        if (arguments.Contains("first")) chosen = chosen[..1];
        if (chosen.Length == 0) return "nothing\n";
        foreach (var message in chosen)
        {
            network.RemoveAt(network.FindIndex(m => ReferenceEquals(m, message)));
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
            disks.Leaves(message);
            NothingIsBroken();
            if (!isolated.Contains(message.From) && !isolated.Contains(message.To)) network.Add(message);
        }
    }

    private void Look(GroupMember replica)
    {
        if (replica.Node is null) return;
        raft.Look(replica.Node, 0, replica.Node, replica.Applied);
        disks.Look(replica.Node);
        NothingIsBroken();
    }

    private void BeginChecks()
    {
        world = new(0, Verbosity.Outcome, null);
        raft = new(world, groups: 1);
        disks = new(world, id => replicas[id].Disk);
    }

    private void NothingIsBroken() => Assert.True(!isChecked || world.Failure is null, world.Failure);

    private string Each(string[] names, Action<GroupMember> act)
    {
        foreach (var replica in Named(names)) act(replica);
        return "";
    }

    private IEnumerable<GroupMember> Named(string[] names) =>
        names.Length == 0 || names[0] == "all" ? replicas.Values : names.Select(Of);

    private static string Summary(GroupMember replica)
    {
        if (replica.Node is not { } node) return $"{replica.Id} down\n";
        var (role, leader) = (node.Role.ToString().ToLowerInvariant(), node.Leader?.ToString() ?? "none");
        return $"{node.Id} {role} term={node.Term} leader={leader} last={node.LastIndex} "
            + $"commit={node.CommitIndex}{(node.IsQuiescent ? " quiescent" : "")}"
            + (node.IsQuarantined ? " quarantined\n" : "\n");
    }

    private GroupMember Of(string name) => replicas[Id(name)];

    private static NodeId Id(string text) => new(Number(text));

    private static ulong Number(string text) => ulong.Parse(text, CultureInfo.InvariantCulture);

    private static string? Option(string[] arguments, string name)
    {
        var prefix = name + "=";
        var found = arguments.FirstOrDefault(a => a.StartsWith(prefix, StringComparison.Ordinal));
        return found?[prefix.Length..];
    }
}
