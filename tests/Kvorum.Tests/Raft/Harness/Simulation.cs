using Kvorum.Raft;

namespace Kvorum.Tests.Raft.Harness;

/// <summary>
/// A group among faults, driven by one seed: loss, duplication, reordering, delay, splits, crashes that lose
/// what was not durable, late writes, pauses, clock drift, membership changes, transfers, compaction. The
/// checker looks after every step. Then everything heals, and progress is demanded.
/// </summary>
internal sealed class Simulation
{
    private const int TickUnits = 10;

    private readonly Random random;
    private readonly SafetyChecker checker = new();
    private readonly List<Replica> replicas = [];
    private readonly PriorityQueue<Message, (long Due, long Order)> network = new();
    private readonly Dictionary<NodeId, (double Next, double Period, long PausedUntil)> clocks = [];
    private readonly HashSet<(NodeId From, NodeId To)> cut = [];
    private readonly Dictionary<ulong, ulong> reads = [];
    private readonly int lossPercent;
    private readonly int duplicatePercent;
    private readonly int delayMax;
    private readonly int slowDiskPercent;
    private readonly bool leases;
    private long now;
    private long order;
    private ulong nextRead;
    private bool healed;

    public Simulation(int seed)
    {
        random = new Random(seed);
        var initial = random.Next(1, 6);
        lossPercent = random.Next(4) == 0 ? 0 : random.Next(1, 25);
        duplicatePercent = random.Next(0, 15);
        delayMax = random.Next(2) == 0 ? 5 : random.Next(10, 120);
        slowDiskPercent = random.Next(0, 90);
        leases = random.Next(3) > 0;
        var template = DrawOptions();
        var configuration = new Configuration { Voters = [.. Range(initial)] };
        foreach (var id in Range(7))
        {
            var start = id.Value <= (ulong)initial ? configuration : new Configuration { Voters = [] };
            var replica = new Replica(template with { Id = id }, start, checker);
            replicas.Add(replica);
            var drift = random.Next(2) == 0 ? 0 : random.NextDouble() * 0.08;
            clocks[id] = (random.Next(TickUnits), TickUnits * (1 + drift), 0);
            replica.Start(random);
        }
    }

    /// <summary>Entries committed while faults reigned.</summary>
    public ulong Committed => checker.CommittedMax;

    /// <summary>Reads that got an index.</summary>
    public int ReadsServed { get; private set; }

    public void RunFaults(int units)
    {
        for (var end = now + units; now < end;)
        {
            Disturb();
            AskSomething();
            Advance();
        }
    }

    /// <summary>
    /// Heals everything; then a write must commit everywhere and a read must be served everywhere.
    /// </summary>
    public void HealAndDemandProgress()
    {
        healed = true;
        cut.Clear();
        foreach (var replica in replicas)
        {
            clocks[replica.Id] = clocks[replica.Id] with { PausedUntil = 0 };
            if (replica.Node is null) replica.Start(random);
            replica.Node!.Wake();
        }
        var end = now + (400 * TickUnits);
        var settled = 0UL;
        while (now < end)
        {
            Advance();
            if (settled == 0 && now % 50 == 0) settled = TryFinalWrite();
            if (settled > 0 && Members().All(r => r.Applied >= settled)) break;
        }
        reads.Clear();
        Assert.True(settled > 0 && Members().All(r => r.Applied >= settled), $"no progress after healing");
        DemandReads();
    }

    public string Describe() =>
        $"time {now}, settled {checker.CommittedMax}\n"
        + string.Concat(replicas.Select(r => r.Node?.Describe() ?? $"{r.Id} down\n"));

    private IEnumerable<Replica> Members()
    {
        var leader = replicas.FirstOrDefault(r => r.Node?.Role == Role.Leader)?.Node;
        return leader is null ? replicas : replicas.Where(r =>
            leader.Configuration.Voters.Contains(r.Id) || leader.Configuration.Learners.Contains(r.Id));
    }

    private ulong TryFinalWrite()
    {
        var leader = replicas.Where(r => r.Node!.Role == Role.Leader).MaxBy(r => r.Node!.Term);
        if (leader is null) return 0;
        var result = leader.Node!.Propose(new byte[] { 1 });
        if (result.Outcome != ProposeOutcome.Accepted) return 0;
        var end = now + (60 * TickUnits);
        while (now < end && leader.Applied < result.Index.Value) Advance();
        var done = leader.Applied >= result.Index.Value && leader.Node.Term == result.Term;
        return done ? result.Index.Value : 0;
    }

    /// <summary>
    /// Each member must serve a read in the end; one that was given up is asked again, as a host would.
    /// </summary>
    private void DemandReads()
    {
        foreach (var replica in Members().ToList())
        {
            var before = ReadsServed;
            for (var end = now + (400 * TickUnits); now < end && ReadsServed == before; Advance())
            {
                if (reads.Count > 0) continue;
                Ask(replica, ReadMode.Confirmed);
            }
            Assert.True(ReadsServed > before, $"{replica.Id} serves no read after healing");
        }
    }

    private void Advance()
    {
        now++;
        while (network.TryPeek(out _, out var due) && due.Due <= now) Deliver(network.Dequeue());
        foreach (var replica in replicas)
        {
            if (replica.Node is null || IsPaused(replica)) continue;
            Tick(replica);
            Work(replica);
        }
    }

    private bool IsPaused(Replica replica) => clocks[replica.Id].PausedUntil > now;

    /// <summary>Delivers the ticks that are due, all of them after a pause.</summary>
    private void Tick(Replica replica)
    {
        var (next, period, paused) = clocks[replica.Id];
        for (; next <= now; next += period)
        {
            replica.Node!.Tick();
            Look(replica);
        }
        clocks[replica.Id] = (next, period, paused);
    }

    private void Work(Replica replica)
    {
        while (replica.Node!.HasReady && (healed || random.Next(4) > 0))
        {
            var ready = replica.Take();
            foreach (var message in ready.Messages) Transmit(message);
            foreach (var read in ready.Reads) Answered(read);
            Look(replica);
        }
        while (replica.CanPersist && (healed || random.Next(100) >= slowDiskPercent))
        {
            foreach (var message in replica.Persist()) Transmit(message);
            Look(replica);
        }
        while (replica.CanApply && (healed || random.Next(3) > 0)) replica.Apply();
    }

    private void Look(Replica replica) =>
        checker.Observe(replica.Node!, id => replicas[(int)id.Value - 1].Disk);

    private void Transmit(Message message)
    {
        SafetyChecker.Leaves(message, replicas[(int)message.From.Value - 1].Disk);
        var lost = !healed && (cut.Contains((message.From, message.To)) || random.Next(100) < lossPercent);
        if (message is InstallSnapshot) StreamEnds(message, !lost);
        if (lost)
        {
            if (random.Next(4) == 0) replicas[(int)message.From.Value - 1].Node?.PeerUnreachable(message.To);
            return;
        }
        var delay = healed ? 1 : random.Next(1, delayMax);
        network.Enqueue(message, (now + delay, order++));
        if (!healed && random.Next(100) < duplicatePercent)
            network.Enqueue(message, (now + random.Next(1, 300), order++));
    }

    private void StreamEnds(Message message, bool delivered) =>
        replicas[(int)message.From.Value - 1].Node?.SnapshotSent(message.To, delivered);

    private void Deliver(Message message)
    {
        var replica = replicas[(int)message.To.Value - 1];
        if (replica.Node is null) return;
        if (IsPaused(replica))
        {
            network.Enqueue(message, (clocks[replica.Id].PausedUntil, order++));
            return;
        }
        Tick(replica);
        replica.Node.Step(message);
        Look(replica);
    }

    private void Disturb()
    {
        if (random.Next(400) == 0) Cut();
        if (random.Next(500) == 0) cut.Clear();
        var replica = replicas[random.Next(replicas.Count)];
        if (replica.Node is null)
        {
            if (random.Next(20) == 0) replica.Start(random);
            return;
        }
        if (random.Next(500) == 0) Crash(replica);
        else if (random.Next(600) == 0) Pause(replica);
        else if (random.Next(100) == 0 && replica.Applied > 0) replica.Compact((ulong)random.Next(4));
        else if (random.Next(900) == 0) replica.Node.Wake();
    }

    private void Pause(Replica replica) =>
        clocks[replica.Id] = clocks[replica.Id] with { PausedUntil = now + random.Next(500) };

    private void Cut()
    {
        foreach (var from in replicas)
        {
            foreach (var to in replicas)
            {
                if (random.Next(3) == 0) cut.Add((from.Id, to.Id));
            }
        }
    }

    private void Crash(Replica replica)
    {
        replica.Crash(random.Next(replica.Persisting + 1), random.Next(4));
        foreach (var other in replicas)
        {
            if (other.Node?.Leader != replica.Id || random.Next(3) == 0) continue;
            other.Node.LeaderGone(random.Next(5));
            Look(other);
        }
    }

    private void AskSomething()
    {
        var replica = PickAsked();
        if (replica.Node is not { } node || IsPaused(replica)) return;
        Tick(replica);
        switch (random.Next(40))
        {
            case < 12:
                node.Propose(BitConverter.GetBytes(random.Next()));
                break;
            case < 16:
                Ask(replica, leases && random.Next(2) == 0 ? ReadMode.Lease : ReadMode.Confirmed);
                break;
            case 16 when random.Next(5) == 0:
                ProposeChange(node);
                break;
            case 17 when random.Next(5) == 0:
                node.TransferLeadership(new((UInt128)random.Next(1, 8)));
                break;
            case 18 when random.Next(10) == 0:
                node.Campaign();
                break;
        }
        Look(replica);
    }

    // Leaders, former ones that do not know it yet among them, have the most to get wrong.
    private Replica PickAsked()
    {
        var leaders = replicas.FindAll(replica => replica.Node?.Role == Role.Leader);
        return leaders.Count > 0 && random.Next(2) == 0
            ? leaders[random.Next(leaders.Count)]
            : replicas[random.Next(replicas.Count)];
    }

    private void ProposeChange(RaftNode node)
    {
        var changes = new List<MemberChange>();
        for (var count = random.Next(1, 4); count > 0; count--)
            changes.Add(new((MemberChangeKind)random.Next(1, 4), new((UInt128)random.Next(1, 8))));
        node.Propose(new ConfigurationChange(changes));
    }

    private void Ask(Replica replica, ReadMode mode)
    {
        reads[++nextRead] = checker.CommittedMax;
        replica.Node!.ReadIndex(nextRead, mode);
    }

    private void Answered(ReadState read)
    {
        if (!reads.Remove(read.ReadId, out var least) || read.Index is not { } index) return;
        ReadsServed++;
        var fresh = index.Value >= least;
        Assert.True(fresh, $"stale read {read.ReadId}: {index} although {least} was committed before");
    }

    private RaftOptions DrawOptions()
    {
        var heartbeat = random.Next(1, 4);
        var least = heartbeat * random.Next(4, 10);
        return new RaftOptions
        {
            Id = default,
            HeartbeatTicks = heartbeat,
            ElectionTimeoutMinTicks = least,
            ElectionTimeoutMaxTicks = least * 2,
            PreVote = random.Next(4) > 0,
            CheckQuorum = random.Next(4) > 0,
            Quiescence = random.Next(2) == 0,
            AppendBytesMax = random.Next(2) == 0 ? 8 : 1 << 20,
            InflightMessagesMax = random.Next(2) == 0 ? random.Next(1, 4) : 256,
            CommittedBytesMax = random.Next(2) == 0 ? 8 : 1 << 20,
            UncommittedBytesMax = random.Next(2) == 0 ? 40 : 1 << 20,
        };
    }

    private static IEnumerable<NodeId> Range(int count) =>
        Enumerable.Range(1, count).Select(id => new NodeId((UInt128)id));
}
