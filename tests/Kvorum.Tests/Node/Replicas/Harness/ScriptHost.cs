using System.Globalization;
using System.Text;
using Kvorum.Node;
using Kvorum.Node.Budgets;
using Kvorum.Node.Events;
using Kvorum.Node.Groups;
using Kvorum.Node.Membership;
using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Storage;
using Kvorum.Storage.Log;
using Kvorum.Tests.Node.Harness;
using Kvorum.Tests.Storage;

namespace Kvorum.Tests.Node.Replicas.Harness;

/// <summary>
/// What a replica needs of a loop, in a script's hands: nothing becomes durable, runs or moves by itself, and
/// everything that the replica does is written down.
/// </summary>
internal sealed class ScriptHost : IReplicaHost
{
    private readonly Queue<Action> _deferred = new();
    private readonly Queue<ulong> _batches = new();
    private readonly Queue<IReplica> _touched = new();
    private readonly List<IReplica> _inBatch = [];
    private LogBatch _open = new();
    private bool _isOpen;
    private ulong _lastBatch;
    private ulong _lastTransfer;

    public ScriptHost(NodeId self, IReadOnlyList<NodeId> members, StringBuilder transcript)
    {
        Transcript = transcript;
        MemberSeed[] seeds = [.. members.Select(id => new MemberSeed(id, $"n{id}", $"host{id}:1"))];
        Options = new() { Self = HelloOf(self), Members = seeds, PartitionCount = 1, LeaseReads = true };
        Cluster = new(Options, new()
        {
            Files = Files,
            Jobs = Jobs,
            Transport = new NoTransport(),
            Time = new TestClock(),
            RandomSeed = 1,
            Events = new Events(transcript),
        }, new(1, 1, 1));
        Cluster.Admit();
        Disk.Judge(new(1L << 40, 1L << 40));
    }

    public StringBuilder Transcript { get; }

    public CrashFileSystem Files { get; } = new();

    public PumpedJobs Jobs { get; } = new();

    public long NowMs { get; set; }

    public long WallMs => 1000 + NowMs;

    public long RecordTimeMs => WallMs;

    public long? AgreedWallMs => WallMs;

    public NodeOptions Options { get; }

    public ClusterView Cluster { get; }

    public RateLimiter RewritePace { get; } = new(0, burstMs: 0);

    public DiskGauge Disk { get; } = new(1 << 20);

    public bool IsLogBehind => false;

    public bool IsMemorySpent => false;

    public bool IsMemoryOverrun => false;

    public bool ShouldNotLead => Disk.Level != DiskLevel.Ample;

    public int Flushes { get; set; }

    public int SnapshotSends { get; set; }

    public ulong CurrentBatch => _lastBatch;

    public static PeerHello HelloOf(NodeId id) => new(id, $"n{id}", $"host{id}:1", $"host{id}:2", "");

    /// <summary>Lets everything that has been touched go on, until nothing is.</summary>
    public void Turn()
    {
        while (_deferred.TryDequeue(out var work))
            work();
        while (_touched.TryDequeue(out var replica))
        {
            replica.IsQueued = false;
            replica.Advance();
        }

        if (!_isOpen)
            return;
        Write($"log {_lastBatch}: {_open.Count} records");
        _batches.Enqueue(_lastBatch);
        (_open, _isOpen) = (new(), false);
    }

    /// <summary>The oldest batch is durable; false if there is none.</summary>
    public bool Persist()
    {
        if (!_batches.TryDequeue(out var batch))
            return false;
        foreach (var replica in _inBatch)
            replica.Persisted(batch);
        return true;
    }

    public void Write(string line) => Transcript.Append(line).Append('\n');

    public void Touch(IReplica replica)
    {
        if (replica.IsQueued)
            return;
        replica.IsQueued = true;
        _touched.Enqueue(replica);
    }

    public LogBatch OpenBatch(IReplica replica)
    {
        if (!_inBatch.Contains(replica))
            _inBatch.Add(replica);
        if (!_isOpen)
            (_isOpen, _lastBatch) = (true, _lastBatch + 1);
        return _open;
    }

    public void ReleaseLog(GroupId group, LogIndex upTo) => Write($"log may go up to {upTo}");

    public ulong NextTransfer() => ++_lastTransfer;

    public void Send(GroupId group, Message message) => Write($"send {TextOf(message)}");

    public void Send(NodeId to, in SnapshotChunk chunk) => Write(string.Create(
        CultureInfo.InvariantCulture,
        $"send ->{to} {(chunk.Bytes.IsEmpty ? "offer" : "piece")} transfer={chunk.Transfer}"));

    public void Send(NodeId to, in SnapshotAck ack) => Write(string.Create(
        CultureInfo.InvariantCulture,
        $"send ->{to} {ack.Answer} {(ack.Received == 0 ? "nothing" : "bytes")}"));

    public void Send(NodeId to, in RebuildAsk ask) => Write(string.Create(
        CultureInfo.InvariantCulture, $"send ->{to} rebuild from {ask.Index}"));

    public void Send(NodeId to, in GroupDigest digest) => Write(
        $"send ->{to} digest {string.Join(' ', digest.Points.Select(point => point.Index))}"
        + (digest.WantsAnswer ? " answer wanted" : "") + (digest.IsQuarantined ? " quarantined" : ""));

    public void Pace(long bytes, Action send) => send();

    public void RunInBackground(Action work, Action<Exception?> done) => Jobs.Run(JobLane.Background, () =>
    {
        Exception? failure = null;
        try
        {
            work();
        }
        catch (IOException e)
        {
            failure = e;
        }

        done(failure);
    });

    public void Defer(Action work) => _deferred.Enqueue(work);

    public void Finish(Call call, Reply reply)
    {
        if (call.IsDone)
            return;
        call.IsDone = true;
        call.Complete(reply);
    }

    public void Forward(Call call, NodeId leader) => Write($"forward to {leader}");

    public void TakeElsewhere(Call call) => Write("taken elsewhere");

    public void TakeReplyRoom(Call call, long valueBytes, Action then) => then();

    private static string TextOf(Message message) => Kvorum.Simulator.Groups.Transcript.Of(
        message is AppendEntries append
            ? append with { Entries = [.. append.Entries.Select(Readable)] }
            : message);

    private static Entry Readable(Entry entry)
    {
        if (entry.Kind != EntryKind.Command)
            return entry;
        var command = CommandCodec.Decode(entry.Data);
        var key = Encoding.UTF8.GetString(command.Key.Span);
        var value = Encoding.UTF8.GetString(command.Value.Span);
        var kind = command.Kind == CommandKind.Put ? "put" : "other";
        return entry with { Data = Encoding.UTF8.GetBytes($"{kind} {key}={value}") };
    }

    private sealed class NoTransport : ITransport
    {
        public void Start(PeerHello self, IReadOnlyList<MemberSeed> peers, IPeerReceiver receiver)
        {
        }

        public void Activate(int format)
        {
        }

        public void Identify(UInt128 clusterId)
        {
        }

        public void Follow(IReadOnlyList<MemberSeed> peers)
        {
        }

        public void AskToJoin(string address, ReadOnlyMemory<byte> ask)
        {
        }

        public bool Send(NodeId to, PeerFrameKind kind, ReadOnlySpan<byte> payload) => false;
    }

    private sealed class Events(StringBuilder transcript) : INodeEvents
    {
        public void Tell(NodeEvent happened) => transcript.Append(
            happened switch
            {
                RoleChanged role => $"role {role.Role} term={role.Term} "
                    + $"leader={(role.Leader == "" ? "none" : role.Leader)}\n",
                NodeFailed failed => $"fatal {failed.Message}\n",
                _ => $"note {NodeEventText.Of(happened)}\n",
            });
    }
}
