using System.Globalization;
using System.Text;
using Kvorum.Node;
using Kvorum.Node.Groups;
using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Tests.Node.Replicas.Harness;

/// <summary>
/// One replica that moves only as a script says, over a real core and a real tree. The commands are described
/// in <c>testdata/README.txt</c>.
/// </summary>
internal sealed class ReplicaScript : IDisposable
{
    private static readonly GroupId Group = new(1);
    private static readonly NodeId Self = new(1);

    private readonly Dictionary<string, Action<string[]>> _commands;
    private readonly StringBuilder _transcript = new();
    private readonly List<IDisposable> _open = [];
    private readonly List<ScriptCall> _calls = [];
    private ScriptHost _host = null!;
    private RaftReplica _replica = null!;
    private CheckpointReader _donor = null!;
    private Configuration _configuration = null!;

    public ReplicaScript() => _commands = new()
    {
        ["replica"] = Start,
        ["up"] = Up,
        ["down"] = a => _replica.PeerDown(Id(a[0]), PeerLoss.ProcessGone),
        ["campaign"] = _ => { _replica.Raft.Campaign(); _host.Touch(_replica); },
        ["tick"] = a => Tick((int)Number(a[0])),
        ["sweep"] = a => { _host.NowMs += (long)Number(a[0]); _replica.Sweep(); },
        ["turn"] = _ => _host.Turn(),
        ["persist"] = _ => Assert.True(_host.Persist(), "nothing is being written"),
        ["job"] = _ => Assert.True(_host.Jobs.RunOne(JobLane.Background), "no job waits"),
        ["work"] = _ => Work(),
        ["put"] = a => Take(new PutRequest
        {
            Key = Bytes(a[0]),
            Value = Bytes(a[1]),
            ClientId = Option(a, "client") ?? "",
            RequestId = Number(Option(a, "request") ?? "0"),
        }),
        ["get"] = a => Take(new GetRequest { Key = Bytes(a[0]), Consistency = ConsistencyOf(a) }),
        ["from"] = From,
        ["checkpoint"] = MakeCheckpoint,
        ["offer"] = a => Chunk(a, default),
        ["pieces"] = Pieces,
        ["digest"] = Digest,
        ["disk"] = SetDisk,
        ["state"] = _ => State(),
    };

    /// <summary>Runs one command and returns what it printed.</summary>
    public string Run(string line)
    {
        _transcript.Clear();
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        _commands[words[0]](words[1..]);
        return _transcript.ToString();
    }

    public void Dispose()
    {
        for (var i = _open.Count - 1; i >= 0; i--)
            _open[i].Dispose();
    }

    private void Start(string[] arguments)
    {
        NodeId[] members = [.. Option(arguments, "voters")!.Split(',').Select(Id)];
        _host = new(Self, members, _transcript);
        _calls.Clear();
        _configuration = new() { Voters = members };
        var (tree, machine) = OpenTree(_host.Files);
        var snapshot = SnapshotMetadata.Initial(_configuration);
        var log = new GroupLog(snapshot);
        var raft = new RaftNode(
            new()
            {
                Id = Self,
                HeartbeatTicks = 5,
                ElectionTimeoutMinTicks = 50,
                ElectionTimeoutMaxTicks = 100,
            },
            log, default, snapshot.Index, new(1));
        Standing? standing = Option(arguments, "standing") switch
        {
            null => null,
            "discarded" => new Discarded(null),
            var other => throw new ArgumentException($"no standing {other}"),
        };
        if (standing is Discarded)
            raft.Discarded(null);
        var identity = new GroupIdentity(Group, KeyspaceName.Default, default);
        _replica = new(_host, new(identity, tree, machine, log, raft)
        {
            State = default,
            History = HistoryMark.Empty,
            Birth = new(
                Group, new(1), KeyspaceName.Default, default, KeyspaceSettings.Strong,
                snapshot.Configuration),
            Standing = standing,
        });
        _replica.Begin();
    }

    private (Tree Tree, KeyValueMachine Machine) OpenTree(CrashFileSystem files)
    {
        var share = new TreeShare(files, 1 << 20);
        var tree = Tree.Open(share, "tree", new() { CountedPrefix = RecordKeys.Data });
        _open.AddRange([share, tree]);
        return (tree, new(tree, 0, 60_000, 100));
    }

    private void Up(string[] arguments)
    {
        foreach (var id in arguments.Select(Id))
        {
            _host.Cluster.PeerUp(ScriptHost.HelloOf(id), _host.NowMs);
            _host.Cluster.Health.Accept(id);
            _replica.PeerUp(id);
        }
    }

    private void Tick(int ticks)
    {
        for (var i = 0; i < ticks; i++)
        {
            _host.NowMs += 20;
            _replica.Tick(1);
        }
    }

    private void Work()
    {
        for (var n = 0; n < 1000; n++)
        {
            _host.Turn();
            if (!_host.Persist() && !_host.Jobs.RunOne(JobLane.Background))
                return;
        }

        Assert.Fail("the replica never comes to rest");
    }

    private void Take(Request request)
    {
        var call = new ScriptCall(_calls.Count + 1, request, _host) { Group = Group };
        call.DeadlineMs = _host.NowMs + 1000;
        _calls.Add(call);
        _replica.Take(call);
    }

    // from N vote|ack|beat|heartbeat|append ...: a message of a peer.
    private void From(string[] a)
    {
        var (from, term) = (Id(a[0]), new Term(Number(a[1][1..])));
        Message message = a[2] switch
        {
            "vote" => new RequestVoteReply
            {
                From = from,
                To = Self,
                Term = term,
                PreVote = a.Contains("pre"),
                Granted = !a.Contains("no"),
            },
            "ack" => new AppendEntriesReply
            {
                From = from,
                To = Self,
                Term = term,
                Rejected = false,
                Index = Index(a, "match"),
                HintIndex = default,
                HintTerm = default,
            },
            "beat" => new HeartbeatReply
            {
                From = from,
                To = Self,
                Term = term,
                ReadRound = Number(Option(a, "round")!),
            },
            "heartbeat" => new Heartbeat
            {
                From = from,
                To = Self,
                Term = term,
                Commit = Index(a, "commit"),
                ReadRound = 1,
                Quiesce = false,
            },
            "append" => new AppendEntries
            {
                From = from,
                To = Self,
                Term = term,
                PreviousIndex = Index(a, "prev"),
                PreviousTerm = new(Number(Option(a, "prev-term") ?? "0")),
                Commit = Index(a, "commit"),
                Entries = Entries(a, Number(Option(a, "prev")!), term),
            },
            var other => throw new ArgumentException($"no message {other}"),
        };
        _replica.Step(message);
    }

    // noop, or put:KEY:VALUE
    private static Entry[] Entries(string[] arguments, ulong after, Term term) =>
        [.. arguments.Where(word => word == "noop" || word.StartsWith("put:", StringComparison.Ordinal))
            .Select((word, i) => EntryOf(word, new(after + 1 + (ulong)i), term))];

    private static Entry EntryOf(string word, LogIndex index, Term term)
    {
        if (word == "noop")
            return new(index, term, EntryKind.Noop, default);
        var parts = word.Split(':');
        var put = new PutRequest { Key = Bytes(parts[1]), Value = Bytes(parts[2]) };
        return new(index, term, EntryKind.Command, CommandCodec.Encode(put, 1000));
    }

    // checkpoint tTERM noop put:K:V ...: another replica's checkpoint with these entries.
    private void MakeCheckpoint(string[] arguments)
    {
        var (tree, machine) = OpenTree(new());
        var history = new CommittedHistory();
        var term = new Term(Number(arguments[0][1..]));
        var entries = Entries(arguments[1..], 0, term);
        foreach (var entry in entries)
        {
            if (entry.Kind == EntryKind.Command)
                machine.Apply(entry.Index, entry.Data);
            else
                machine.Skip(entry.Index);
            history.Add(entry);
        }

        var snapshot = new SnapshotMetadata(entries[^1].Index, term, _configuration);
        var tag = GroupRecords.EncodeTag(new(snapshot, machine.LogTimeMs, history.Mark));
        var job = tree.BeginCheckpoint(tag, machine.TakeUnflushed());
        job.Write();
        job.Complete();
        _donor = tree.OpenCheckpoint()!;
        _open.Add(_donor);
    }

    private void Pieces(string[] arguments)
    {
        var bytes = new byte[_donor.Info.Bytes];
        Assert.Equal(bytes.Length, _donor.Read(0, bytes));
        Chunk(arguments, bytes);
    }

    private void Chunk(string[] a, ReadOnlyMemory<byte> bytes)
    {
        var info = _donor.Info;
        _replica.Receive(Id(a[0]), new SnapshotChunk(
            Group, 7, new(Number(a[1][1..])), _donor.Identity, info.Bytes, 0, info.Tag, bytes));
    }

    // digest N INDEX [same]: a peer tells the hash of its history at an index: another, or the same.
    private void Digest(string[] a)
    {
        var index = new LogIndex(Number(a[1]));
        var hash = _replica.History.HashAt(index)!.Value;
        HistoryPoint[] points = [new(index, a.Contains("same") ? hash : hash ^ 1)];
        _replica.Receive(Id(a[0]), new GroupDigest(
            Group, a.Contains("wants-answer"), IsQuarantined: false, Discarded: null, points));
    }

    private void SetDisk(string[] a) => _host.Disk.Judge(a[0] switch
    {
        "ample" => new(1L << 40, 1L << 40),
        "low" => new(5L << 30, 1L << 40),
        _ => new(0, 1L << 40),
    });

    private void State()
    {
        var status = _replica.Status();
        _host.Write(string.Create(
            CultureInfo.InvariantCulture,
            $"{status.Role} term={status.Term} last={status.LastIndex} commit={status.Commit} "
                + $"applied={status.Applied} keys={status.Keys}")
            + (_replica.HasCalls ? " has calls" : "") + (_replica.IsInstalling ? " installing" : ""));
        if (_replica.HealthIssue is { } issue)
            _host.Write($"alert {issue}");
    }

    private static ReadConsistency ConsistencyOf(string[] a) =>
        a.Contains("stale") ? ReadConsistency.Stale
        : a.Contains("lease") ? ReadConsistency.Lease : ReadConsistency.Linearizable;

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static NodeId Id(string text) => new(Number(text));

    private static LogIndex Index(string[] arguments, string name) =>
        new(Number(Option(arguments, name) ?? "0"));

    private static ulong Number(string text) => ulong.Parse(text, CultureInfo.InvariantCulture);

    private static string? Option(string[] arguments, string name)
    {
        var prefix = name + "=";
        return arguments.FirstOrDefault(word => word.StartsWith(prefix, StringComparison.Ordinal))
            ?[prefix.Length..];
    }

    private sealed class ScriptCall(int number, Request request, ScriptHost host)
        : Call(request, TimeSpan.FromSeconds(1))
    {
        public override void Complete(Reply reply)
        {
            var value = reply.Value.IsEmpty ? "" : $" value={Encoding.UTF8.GetString(reply.Value.Span)}";
            var version = reply.Version == 0 ? "" : $" version={reply.Version}";
            host.Write($"call {number} {reply.Status}{(reply.Found ? " found" : "")}{value}{version}"
                + (reply.Stale ? " stale" : "") + (reply.Message == "" ? "" : $": {reply.Message}"));
        }
    }
}
