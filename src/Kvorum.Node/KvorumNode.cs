using Kvorum.Node.Access;
using Kvorum.Node.Administration;
using Kvorum.Node.Loops;
using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Storage.Keys;
using Kvorum.Storage.Log;

namespace Kvorum.Node;

/// <summary>
/// The brain of one server. The host gives it a world, runs each of <see cref="Loops"/> on its own thread,
/// calls <see cref="Start"/>, and submits calls. Everything it does is decided by its options, its world and
/// its random seed.
/// </summary>
public sealed class KvorumNode : INode, IDisposable
{
    private const string NotTold = "the metadata group has not told of the keyspaces yet";

    private readonly NodeContext _context;
    private readonly LoopGroup _loops;
    private readonly IDisposable _folderLock;
    private volatile bool _isStopping;
    private volatile KeptHealth _health = new(new("", ""), long.MinValue / 2);
    private uint _scanTurn;
    private readonly IReadOnlyList<MemberSeed> _named;
    private readonly bool _isFounder;

    /// <summary>
    /// Opens the data folder, recovers, and is ready to run. Throws <see cref="NodeStartException"/> or
    /// <see cref="IOException"/> with a message for the operator. The transport is started by
    /// <see cref="Start"/>.
    /// </summary>
    public KvorumNode(NodeOptions options, NodeWorld world)
    {
        world.Files.CreateFolder("");
        _folderLock = world.Files.LockFolder("");
        try
        {
            world = world with { Files = KeyFile.Open(world.Files, world.Keys ?? FolderKeys.None) };
            var identity = IdentityFile.Open(options, world);
            if (identity.IsFounder && Founders.Strangers(identity.Founders, options.Members) is { } ignored)
                world.Events.Tell(ignored);
            _named = options.Members;
            options = options with
            {
                Self = options.Self with { Id = identity.Node, Name = identity.NodeName },
                Members = Founders.At(identity.Founders, _named),
                PartitionCount = identity.PartitionCount,
                VirtualNodes = identity.VirtualNodes,
            };
            _isFounder = identity.IsFounder;
            _context = new(options, world, new(options, world, identity.ClusterIds(world), _isFounder));
            if (identity.Members is { } told)
                Cluster.Members.Learn(told);
            _loops = new(_context);
            _context.Cluster.Placed = _loops.Make;
            _context.Cluster.Happened = _loops.OfGroup(GroupId.Metadata).Admin.Events.Told;
            // A lone node has all the clocks there are.
            _context.Clocks.Judge(_context.MonotonicMs, _context.WallMs);
            Recover(identity);
            _context.PeerAdmission = new(new AdmissionHost(_context, _loops), identity, options.Join);
        }
        catch (Exception e)
        {
            DisposeStorage();
            if (e is NodeFaultException)
                throw new NodeStartException(e.Message);
            throw;
        }
    }

    /// <summary>The loops, to be run by the host.</summary>
    public IReadOnlyList<NodeLoop> Loops => _loops.All;

    /// <inheritdoc/>
    public ClusterMap Map => _context.Cluster.Map();

    /// <summary>The cluster that this node belongs to; empty while it does not know. Any thread.</summary>
    public Guid ClusterId => ClusterIdentity.ToGuid(Cluster.ClusterIds.Cluster);

    /// <summary>What the recovery of the log found.</summary>
    public LogRecovery Recovery => _context.Log.Recovery;

    /// <summary>The id of this start of the node; 0 until it is in the log. Any thread.</summary>
    internal ulong Life => _context.PeerLogs.Own.Life;

    /// <summary>True if the member has introduced itself in that life, and is heard. Any thread.</summary>
    internal bool Hears(Raft.NodeId member, ulong life) => Cluster.Health.IsAccepted(member)
        && _context.PeerLogs.Of(member) is { } known && known.Life == life;

    /// <summary>True if a member refuses this node's data folder, so that it does not take part.</summary>
    internal bool IsRefused => _context.PeerAdmission.IsRefused;

    /// <summary>
    /// True if this node, or a member that it knows, is known to have lost what it acknowledged. Any thread.
    /// </summary>
    internal bool TellsOfLoss => _context.PeerAdmission.HealthIssues.Count > 0
        || _loops.All.Any(static loop => loop.RaftReplicas.Any(static replica => replica.IsQuarantined));

    /// <summary>
    /// What this node says of itself: a node that joins a cluster has drawn its id. Any thread.
    /// </summary>
    public PeerHello Self => _context.Options.Self;

    /// <summary>The format version that the cluster has, as far as this node was told. Any thread.</summary>
    internal int ActiveFormat => Cluster.ActiveFormat;

    /// <summary>This node.</summary>
    internal Raft.NodeId Id => Cluster.Self;

    /// <summary>Which nodes hold which group, as far as this node was told. Any thread.</summary>
    internal ReplicaPlacement Placement => Cluster.Placement;

    private ClusterView Cluster => _context.Cluster;

    /// <summary>Starts the transport. Call once, when all loops run.</summary>
    public void Start()
    {
        var self = _context.Options.Self with
        {
            FoundingId = Cluster.ClusterIds.Founding,
            ClusterId = Cluster.ClusterIds.Cluster,
            Formats = Cluster.Formats,
            ActiveFormat = Cluster.ActiveFormat,
        };
        // Addresses that recovery learned came before the transport: they are among Peers().
        var peers = Peers();
        _context.World.Transport.Start(self, peers, new PeerReceiver(this, _context, _loops));
        Cluster.BeginFollowing(peers);
        _loops.First.Post(new LoopEvent.Started());
        // Made at the first start only, by founders as its members. Later its birth record is on disk, as are
        // those of other replicas, unless a crash came before they were written.
        _loops.Make(
        [
            _isFounder ? GroupBirth.OfMetadata(_context.Options.Members.Select(static member => member.Id)) : GroupBirth.OfOldMetadata(),
            .. Cluster.Births(),
        ]);
    }

    // Where the operator says that they are, else where the metadata group knows them to have been last.
    private IReadOnlyList<MemberSeed> Peers() =>
    [
        .. Cluster.Members.Peers.Select(member =>
            _context.Options.Members.FirstOrDefault(named => named.Id == member.Id) is { } named
                && Founders.IsNamed(named, _named) ? named : member),
    ];

    /// <inheritdoc/>
    public void Submit(Call call)
    {
        if (Admit(call) is { } refused)
        {
            call.Complete(refused);
            call.Sink?.Flush();
        }
    }

    /// <inheritdoc/>
    public NodeHealth Health
    {
        get
        {
            var (kept, now) = (_health, _context.MonotonicMs);
            if (now - kept.AtMs < _context.Options.TickMs)
                return kept.Health;
            var reason = NotReadyReason();
            var health = new NodeHealth(
                _context.Options.Self.Name, reason.Length > 0 ? reason : StalledReason(now));
            _health = new(health, now);
            return health;
        }
    }

    /// <inheritdoc/>
    public AccessTable? Access => Cluster.IsMetaKnown ? Cluster.Access : null;

    /// <inheritdoc/>
    public long MetadataSilenceMs => _context.MetadataSilenceMs;

    /// <inheritdoc/>
    public void AskStatus(Action<NodeStatus> done)
    {
        var gathered = new List<PartitionStatus>();
        var issues = new SortedSet<string>(StringComparer.Ordinal);
        var missing = _loops.All.Count;
        long reads = 0, writes = 0;
        QuorumNodeStatus? quorum = null;
        EncryptionStatus? encryption = null;
        foreach (var asked in _loops.All)
        {
            asked.Post(new LoopEvent.StatusAsked(loop =>
            {
                lock (gathered)
                {
                    gathered.AddRange(loop.Replicas
                        .Where(static replica => !replica.Identity.Group.IsLocal)
                        .Select(static replica => replica.Status()));
                    issues.UnionWith(loop.HealthIssues);
                    reads += loop.Reads;
                    writes += loop.Writes;
                    quorum ??= loop.Quorums.Status;
                    encryption = _context.AddEncryption(
                        encryption, loop.Replicas.Select(static replica => replica.Store.Tree));
                    if (--missing > 0)
                        return;
                }

                gathered.Sort(static (a, b) => a.Group.CompareTo(b.Group));
                var status = StatusOf(gathered, reads, writes);
                if (status.Machine?.HealthIssue is { } issue)
                    issues.Add(issue);
                issues.UnionWith(_context.World.HealthIssues?.Invoke() ?? []);
                if (Cluster.MajorityLost is { } lost)
                    issues.Add(lost);
                done(status with
                {
                    HealthIssues = [.. _context.PeerAdmission.HealthIssues, .. issues],
                    Quorum = quorum,
                    Encryption = encryption,
                });
            }));
        }
    }

    /// <inheritdoc/>
    public void Administer(AdminRequest request, TimeSpan timeout, Action<AdminReply> done)
    {
        if (request is LocateKey locate)
            done(KeyLocator.Locate(Cluster, locate));
        else if (request is ExplainKeyspace explain)
            done(KeyspaceExplainer.Explain(Cluster, _context.Options, explain));
        else if (request is ShowEvents events)
            Tell(events, timeout, done);
        else if (request is ShowIdentity)
            done(AdminReply.Of(ReplyStatus.Ok, "this process asks its own node, which is let do everything"));
        else if (WhyNotServing() is { } refused)
            done(refused);
        else
            Post(request, (long)timeout.TotalMilliseconds, done);
    }

    /// <summary>
    /// Proposes a keyspace, if this node leads the metadata group; it is there once the map shows it. The
    /// first definition of a name stands. Any thread.
    /// </summary>
    internal void CreateKeyspace(KeyspaceSettings settings) =>
        _loops.OfGroup(GroupId.Metadata).Post(new LoopEvent.KeyspaceWanted(settings));

    /// <summary>
    /// Proposes another status of a member, if this node leads the metadata group and the status is possible;
    /// it has it once the members show it. Any thread.
    /// </summary>
    internal void ChangeMember(Raft.NodeId member, State.MemberStatus status) =>
        _loops.OfGroup(GroupId.Metadata).Post(new LoopEvent.StatusWanted(member, status));

    /// <summary>
    /// Begins a clean end: new calls are answered ShuttingDown, leadership is handed over, pending calls
    /// finish; <paramref name="done"/> is called on a loop when nothing is pending or
    /// <paramref name="patience"/> has passed.
    /// </summary>
    public void BeginShutdown(TimeSpan patience, Action done)
    {
        _isStopping = true;
        var missing = _loops.All.Count;
        foreach (var loop in _loops.All)
        {
            loop.Post(new LoopEvent.StopAsked(patience, () =>
            {
                if (Interlocked.Decrement(ref missing) == 0)
                    done();
            }));
        }
    }

    /// <summary>
    /// A clean end: writes down that the log ends where it does. The host has ended loops, jobs and transport
    /// before, and calls <see cref="Dispose"/> next.
    /// </summary>
    public void MarkEnd()
    {
        if (!_context.IsFaulted)
            _context.Log.MarkEnd();
    }

    /// <summary>Closes files. The host has ended loops, jobs and transport before.</summary>
    public void Dispose() => DisposeStorage();

    // What is known is told even by a node that stops; only waiting makes no sense there.
    private void Tell(ShowEvents asked, TimeSpan timeout, Action<AdminReply> done)
    {
        if (EventDesk.AnswerAtOnce(Cluster, asked) is { } answer)
            done(answer);
        else if (WhyNotServing() is { } refused)
            done(refused);
        else
            Post(asked, Math.Min(asked.WaitMs, (long)timeout.TotalMilliseconds), done);
    }

    private AdminReply? WhyNotServing()
    {
        var name = _context.Options.Self.Name;
        if (_isStopping)
            return AdminReply.Of(ReplyStatus.ShuttingDown, $"{name} is shutting down: ask another node");
        return _context.IsFaulted
            ? AdminReply.Of(ReplyStatus.Unavailable, $"{name} has stopped after a fault: see its log") : null;
    }

    private void Post(AdminRequest request, long timeoutMs, Action<AdminReply> done) =>
        _loops.OfGroup(GroupId.Metadata).Post(new LoopEvent.AdminAsked(new(
            request, _context.MonotonicMs, Math.Clamp(timeoutMs, 1, Limits.CallTimeoutMaxMs),
            Limits.AdminHops, from: null, done)));

    // Null if a loop has the call now.
    private Reply? Admit(Call call)
    {
        var request = call.Request;
        if (_isStopping)
            return new() { Status = ReplyStatus.ShuttingDown, Message = $"{_context.Options.Self.Name} is shutting down: ask another node" };
        if (_context.IsFaulted)
            return new() { Status = ReplyStatus.Unavailable, Message = $"{_context.Options.Self.Name} has stopped after a fault: see its log" };
        if (_context.PeerAdmission.IsRefused)
            return NoPart();
        if (Cluster.Keyspace(request.Keyspace) is not { } keyspace)
            return UnknownKeyspace(call);
        if (RequestRules.Broken(call, keyspace.Settings, _context.Options.ValueBytesMax) is { } broken)
            return new() { Status = ReplyStatus.InvalidArgument, Message = broken };
        call.DeadlineMs = _context.MonotonicMs + call.TimeoutMs;
        if (request.Keys == RequestKeys.Range)
        {
            // Of no partition: the loops take turns at putting pages together.
            var loop = _loops.OfNumber(Interlocked.Increment(ref _scanTurn));
            return loop.TryPost(call) ? null : Overloaded(0);
        }

        var partition =
            KeySlot.PartitionOf(KeySlot.Of(request.Key.Span), keyspace.Settings.PartitionCount);
        call.Group = keyspace.Groups.Of(new(partition));
        call.Quorum = keyspace.IsQuorum ? keyspace : null;
        return _loops.OfGroup(call.Group).TryPost(call) ? null : Overloaded(partition);
    }

    private Reply NoPart() => new()
    {
        Status = ReplyStatus.Unavailable,
        Message = $"{_context.Options.Self.Name} does not take part: {Cluster.WhyNotAdmitted}",
    };

    private static Reply Overloaded(uint partition) => new()
    {
        Status = ReplyStatus.Overloaded,
        Message = "too many requests are under way on this node: retry after a pause",
        Partition = partition,
    };

    // What another node passed on names a keyspace that there is: this node will be told of it.
    private Reply UnknownKeyspace(Call call)
    {
        if (!Cluster.IsMetaKnown || call is ForwardedCall)
        {
            return new()
            {
                Status = ReplyStatus.Unavailable,
                Message = $"{_context.Options.Self.Name}: {NotTold}: {Cluster.WhyNoLeader(GroupId.Metadata)}",
            };
        }

        var name = Utf8Text.Message(call.Request.Keyspace, Protocol.Limits.KeyspaceBytesMax);
        var known = string.Join(", ", Cluster.KeyspaceNames.Select(static one => $"'{one}'"));
        return new()
        {
            Status = ReplyStatus.UnknownKeyspace,
            Message = $"no keyspace '{name}': there is {known}",
        };
    }

    private void Recover(IdentityFile identity)
    {
        var incarnation = ClusterIdentity.ToUInt128(identity.Incarnation);
        var world = _context.World;
        _context.Disk.Judge(world.Files.Room());
        var recovery = new NodeRecovery(_context);
        recovery.OpenTrees();
        var replay = recovery.Replay();
        var found = new NodeReplay(replay);
        _context.Log = recovery.OpenLog(found);
        identity.CheckRecovery(found.Recovery);
        _context.PeerLogs = new(found, _context.Log.DurableSequence);
        var settings = _context.Options.ForVersions();
        _context.Versions = new(
            settings, new(ClusterIdentity.ShortOf(incarnation)), found.Ceiling);
        // Versions go on at the ceiling, and must not be too far ahead of the time then.
        _context.RecordClock = new(found.Ceiling.UnixMs - settings.OffsetMaxMs);
        foreach (var parts in recovery.Replicas(replay, found.Births))
        {
            _loops.OfGroup(parts.Group).Own(parts);
        }
    }

    private NodeStatus StatusOf(List<PartitionStatus> partitions, long reads, long writes)
    {
        var meta = partitions.Find(partition => partition.Group.IsMetadata);
        var reason = NotReadyReason();
        return new()
        {
            NodeId = ClusterIdentity.ToGuid(Cluster.Self.Value),
            Name = _context.Options.Self.Name,
            ClusterId = ClusterId,
            IsMetaLeader = meta?.Role == "leader",
            MetaTerm = meta?.Term ?? 0,
            IsReady = reason.Length == 0,
            NotReadyReason = reason,
            MembersUp = [.. Cluster.Up.Select(Cluster.Members.NameOf).Order(StringComparer.Ordinal)],
            MembersAway =
            [
                .. Cluster.Away(_context.MonotonicMs)
                    .OrderBy(static member => member.Name, StringComparer.Ordinal),
            ],
            Members = [.. Cluster.Members.Ids.Select(Cluster.Members.NameOf).Order(StringComparer.Ordinal)],
            FailuresTolerated = Tolerated(static nodes => nodes.Count),
            FailuresToleratedNow = Tolerated(nodes => nodes.Count(Cluster.Health.IsUp)),
            FormatVersion = Cluster.ActiveFormat,
            FormatLowest = Cluster.Formats.Lowest,
            FormatNewest = Cluster.Formats.Newest,
            Partitions = partitions,
            Machine = _context.World.Machine?.Invoke(),
            Security = _context.World.Security?.Invoke(),
            Reads = reads,
            Writes = writes,
            LogBytes = _context.Log.DiskBytes,
        };
    }

    // What the weakest group bears, when so many of those that count in it are up.
    private int Tolerated(Func<IReadOnlyList<Raft.NodeId>, int> up)
    {
        var voters = Cluster.VotersOf(GroupId.Metadata);
        var least = up(voters) - new StrongPromise(voters.Count).Needed;
        foreach (var keyspace in Cluster.Keyspaces)
        {
            foreach (var group in keyspace.Groups.All)
            {
                var nodes = keyspace.IsQuorum ? Cluster.PreferenceOf(group) : Cluster.VotersOf(group);
                var needed = keyspace.Settings.Quorum?.NeededOf(nodes.Count)
                    ?? new StrongPromise(nodes.Count).Needed;
                least = Math.Min(least, up(nodes) - needed);
            }
        }

        return Math.Max(least, 0);
    }

    private string StalledReason(long nowMs)
    {
        for (var i = 0; i < _loops.All.Count; i++)
        {
            var stalledMs = nowMs - _loops.All[i].TickedMs;
            if (stalledMs > Limits.LoopStalledMs)
                return $"node loop {i} has done nothing for {stalledMs} ms";
        }

        return "";
    }

    private string NotReadyReason()
    {
        if (_isStopping)
            return "shutting down";
        if (_context.IsFaulted)
            return "stopped after a fault: see the log";
        if (Cluster.WhyToStop is { } why)
            return why;
        if (!Cluster.IsAdmitted)
            return Cluster.WhyNotAdmitted;
        var leaderless = Cluster.Placement.On(Cluster.Self)
            .Where(group => Cluster.Leaders.Of(group) is null && !Cluster.IsQuorum(group))
            .Cast<GroupId?>().FirstOrDefault();
        if (leaderless is { } one)
            return $"{Cluster.Directory.NameOf(one)} has no leader: {Cluster.WhyNoLeader(one)}";
        if (!Cluster.IsMetaKnown)
            return NotTold;
        // Else the first requests by users would be refused.
        return MetadataSilenceMs == long.MaxValue && Cluster.Leaders.Of(GroupId.Metadata) is not null
            ? "the leader of the metadata group has not said yet how new the users and rights here are" : "";
    }

    private sealed record KeptHealth(NodeHealth Health, long AtMs);

    private void DisposeStorage()
    {
        _context?.Log?.Dispose();
        _context?.Open.Dispose();
        _context?.Trees.Dispose();
        _folderLock.Dispose();
    }
}
