using System.Text;
using Kvorum.Node;
using Kvorum.Node.Events;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage;
using Kvorum.Storage.Keys;
using Kvorum.Tests.Storage;

namespace Kvorum.Tests.Node.Harness;

/// <summary>
/// Whole nodes on one thread: real brain, real storage over a crashing disk, a network and a clock in the
/// test's hands.
/// </summary>
internal sealed class TestCluster : IDisposable
{
    private readonly Func<NodeOptions, NodeOptions> _configure;
    private readonly MemberSeed[] _members;
    private readonly int _founders;
    private readonly Host?[] _hosts;
    private readonly CrashFileSystem[] _disks;
    private readonly TestClock.OfNode[] _clocks;
    private readonly long[] _logMs;
    private readonly long?[] _logDueMs;
    private readonly int _seed;
    private int _starts;

    // All nodes are started, unless the test says to start them itself.
    // Two clusters in one test have seeds of their own.
    // Others join: they are started by the test, as nodes beyond the founders.
    public TestCluster(
        int nodes, Func<NodeOptions, NodeOptions>? configure = null, bool start = true, int seed = 0,
        int others = 0)
    {
        (_seed, _founders) = (seed, nodes);
        nodes += others;
        _configure = configure ?? (static options => options);
        _members = [.. Enumerable.Range(1, nodes).Select(i =>
            new MemberSeed(ClusterIdentity.NodeFromName($"node-{i}"), $"node-{i}", $"127.0.0.1:{60050 + i}"))];
        _hosts = new Host?[nodes];
        _disks = [.. Enumerable.Range(0, nodes).Select(_ => new CrashFileSystem())];
        _clocks = [.. Enumerable.Range(0, nodes).Select(_ => new TestClock.OfNode(Clock))];
        _logMs = new long[nodes];
        _logDueMs = new long?[nodes];
        for (var i = 0; start && i < _founders; i++)
            Start(i);
    }

    private sealed record Host(KvorumNode Node, PumpedJobs Jobs, Events Events);

    public TestClock Clock { get; } = new();

    public TestNetwork Network { get; } = new();

    /// <summary>The master keys that a node is given when it starts.</summary>
    public Func<int, FolderKeys?> KeysOf { get; set; } = static _ => null;

    /// <summary>What an operator names as members from now on; null: all of them, as they are.</summary>
    public IReadOnlyList<MemberSeed>? Named { get; set; }

    /// <summary>The members.</summary>
    public IReadOnlyList<MemberSeed> Members => _members[.._founders];

    public List<string> Notes { get; } = [];

    public int Count => _hosts.Length;

    public KvorumNode this[int node] => _hosts[node]!.Node;

    public bool IsRunning(int node) => _hosts[node] is not null;

    public string? FatalOf(int node) => _hosts[node]!.Events.FatalMessage;

    public CrashFileSystem DiskOf(int node) => _disks[node];

    public NodeId IdOf(int node) => _members[node].Id;

    /// <summary>Crashes a node for good: another one is started in its place as one that joins.</summary>
    public void Replace(int node)
    {
        Wipe(node);
        _members[node] = _members[node] with { Id = default };
    }

    public static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>The node has this name from its first start on.</summary>
    public void Call(int node, string name) => _members[node] = _members[node] with { Name = name };

    /// <summary>The node founds a cluster of its own, as a mistaken operator lets it.</summary>
    public void StartAlone(int node) => Start(node, [_members[node]], []);

    public void Start(int node)
    {
        var joins = node >= _founders || _members[node].Id == default;
        Start(
            node, joins ? [_members[node]] : Named ?? _members[.._founders],
            joins ? [.. _members[.._founders].Select(static member => member.PeerAddress)] : []);
    }

    private void Start(int node, IReadOnlyList<MemberSeed> members, IReadOnlyList<string> join)
    {
        // As a host does: the folder knows whose it is.
        if (FolderIdentity.Find(_disks[node]) is { } folder && join.Count > 0)
            _members[node] = _members[node] with { Id = folder.Id };
        var seed = _members[node];
        var hello = new PeerHello(
            seed.Id, seed.Name, seed.PeerAddress, $"127.0.0.1:{50050 + node + 1}", $"127.0.0.1:{8080 + node}");
        var jobs = new PumpedJobs();
        var events = new Events(this, seed.Name);
        var options = _configure(new NodeOptions
        {
            Self = hello,
            Members = members,
            Join = join,
            PartitionCount = 4,
            SegmentBytes = 1 << 20,
        });
        var brain = new KvorumNode(options, new NodeWorld
        {
            Files = _disks[node],
            Jobs = jobs,
            Transport = Network.For(seed.Id),
            Time = _clocks[node],
            RandomSeed = _seed + (1000 * ++_starts) + node,
            Events = events,
            Keys = KeysOf(node),
        });
        _hosts[node] = new(brain, jobs, events);
        _members[node] = seed with { Id = brain.Self.Id };
        brain.Start();
    }

    /// <summary>kill -9 with loss of power: what was not synced may be lost or torn.</summary>
    public void Crash(int node, int seed = 1)
    {
        _hosts[node] = null;
        _disks[node] = _disks[node].Crash(seed);
        Network.Down(_members[node].Id);
    }

    /// <summary>Crashes the node, if it runs, and gives it an empty disk.</summary>
    public void Wipe(int node)
    {
        Crash(node);
        UseDisk(node, new());
    }

    /// <summary>The node's wall clock is wrong by so much from now on.</summary>
    public void SetClock(int node, TimeSpan wrong) => _clocks[node].Wrong = wrong;

    /// <summary>Each write to the node's log takes so long from now on.</summary>
    public void SlowLog(int node, long ms) => _logMs[node] = ms;

    /// <summary>The next start of the node finds this disk.</summary>
    public void UseDisk(int node, CrashFileSystem disk) => _disks[node] = disk;

    /// <summary>Lets the given time pass, in small steps.</summary>
    public void Run(long ms)
    {
        for (var end = Clock.Ms + ms; Clock.Ms < end; Clock.Ms += 5)
            Settle();
    }

    /// <summary>Lets time pass until the condition holds; fails after the given time.</summary>
    public void RunUntil(Func<bool> condition, long withinMs = 10_000, string what = "the condition")
    {
        for (var end = Clock.Ms + withinMs; Clock.Ms < end; Clock.Ms += 5)
        {
            Settle();
            if (condition())
                return;
        }

        Assert.Fail($"{what} did not come true within {withinMs} ms\n{string.Join('\n', Notes.TakeLast(30))}");
    }

    /// <summary>Runs until all nodes that run have every leader and the metadata.</summary>
    public void RunUntilReady() => RunUntil(
        () => Enumerable.Range(0, Count).Where(IsRunning).All(node => Status(node).IsReady), 10_000, "readiness");

    public NodeStatus Status(int node)
    {
        NodeStatus? status = null;
        this[node].AskStatus(found => status = found);
        foreach (var loop in this[node].Loops)
            loop.Turn();
        return status ?? throw new InvalidOperationException("a faulted node has no status");
    }

    public TestCall Submit(int node, Request request, int timeoutMs = 5000)
    {
        var call = new TestCall(request, TimeSpan.FromMilliseconds(timeoutMs));
        this[node].Submit(call);
        return call;
    }

    /// <summary>Submits and runs until the answer is there.</summary>
    public Reply Ask(int node, Request request, int timeoutMs = 5000)
    {
        var call = Submit(node, request, timeoutMs);
        RunUntil(() => call.Reply is not null, timeoutMs + 1000, $"an answer to {request}");
        return call.Reply!;
    }

    public Reply Put(int node, string key, string value, string client = "", ulong request = 0) =>
        Ask(node, new PutRequest { Key = Bytes(key), Value = Bytes(value), ClientId = client, RequestId = request });

    /// <summary>The value of a key; null if absent. Fails if the read does.</summary>
    public string? Get(int node, string key)
    {
        var reply = Ask(node, new GetRequest { Key = Bytes(key) });
        Assert.Equal(ReplyStatus.Ok, reply.Status);
        return reply.Found ? Encoding.UTF8.GetString(reply.Value.Span) : null;
    }

    /// <summary>The node that leads the partition of a key, as a node that runs sees it.</summary>
    public int LeaderOf(string key)
    {
        var slot = KeySlot.Of(Bytes(key).Span);
        var asked = Enumerable.Range(0, Count).First(IsRunning);
        var map = this[asked].Map;
        var partition = map.Keyspaces[0].Partitions[(int)KeySlot.PartitionOf(slot, map.Keyspaces[0].Partitions.Count)];
        return Array.FindIndex(_members, member => ClusterIdentity.ToGuid(member.Id.Value) == map.Members[partition.Leader].Id);
    }

    public void Dispose()
    {
        foreach (var host in _hosts)
            host?.Node.Dispose();
    }

    private void Settle()
    {
        var moved = true;
        for (var n = 0; moved && n < 1000; n++)
        {
            moved = false;
            for (var node = 0; node < Count; node++)
            {
                if (_hosts[node] is not { } host)
                    continue;
                foreach (var loop in host.Node.Loops)
                    moved |= loop.Turn() == TimeSpan.Zero;
                moved |= RunLog(node, host.Jobs) | host.Jobs.RunOne(JobLane.Background)
                    | host.Jobs.RunOne(JobLane.Scan);
            }

            moved |= Network.Pump();
        }
    }

    private bool RunLog(int node, PumpedJobs jobs)
    {
        if (!jobs.Has(JobLane.Log))
            return false;
        _logDueMs[node] ??= Clock.Ms + _logMs[node];
        if (Clock.Ms < _logDueMs[node])
            return false;
        _logDueMs[node] = null;
        return jobs.RunOne(JobLane.Log);
    }

    private sealed class Events(TestCluster cluster, string name) : INodeEvents
    {
        public string? FatalMessage { get; private set; }

        public void Tell(NodeEvent happened)
        {
            if (happened is NodeFailed failed)
                FatalMessage = failed.Message;
            cluster.Notes.Add($"{cluster.Clock.Ms} {name} " + happened switch
            {
                RoleChanged role => $"{role.Keyspace}/{role.Partition} {role.Role} term {role.Term} "
                    + $"leader {role.Leader}",
                NodeFailed { Message: var message, Cause: var cause } => $"FATAL {message} {cause}",
                _ => NodeEventText.Of(happened),
            });
        }
    }
}
