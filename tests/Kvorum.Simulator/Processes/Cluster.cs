using System.Globalization;
using Kvorum.Node;
using Kvorum.Node.Placement;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Simulator.Disks;
using Kvorum.Simulator.Network;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Processes;

/// <summary>All machines of a run, and the network between them.</summary>
internal sealed class Cluster
{
    /// <summary>The name of the second keyspace, in runs that have one.</summary>
    public const string Orders = "orders";

    // So many of them a spare machine's node is told of.
    private const int FoundersKnown = 3;

    private readonly MemberSeed[] _members;
    private readonly NetworkOptions _network;
    private IReadOnlyList<SimulatedDisk>? _formerDisks;

    public Cluster(SimulatedWorld world, ClusterOptions options, NetworkOptions network)
    {
        (World, Options, _network) = (world, options, network);
        _members = [.. Enumerable.Range(1, options.Nodes).Select(number => new MemberSeed(
            ClusterIdentity.NodeFromName(NameOf(number)), NameOf(number),
            SimulatedNetwork.AddressOf(number - 1)))];
        Network = new(world, options.Nodes + options.Spares, network);
        Machines =
        [
            .. Enumerable.Range(0, options.Nodes).Select(index =>
                new Machine(world, Network, index, FounderOptionsOf(index))
                {
                    Speed = options.Disk,
                    Keys = KeysOf(index),
                    Rights = options.Rights,
                    Formats = index < options.OldNodes ? FormatRange.OnlyFirst : FormatRange.Own,
                }),
            .. Enumerable.Range(options.Nodes, options.Spares).Select(index =>
                new Machine(world, Network, index, SpareOptionsOf(index))
                {
                    Speed = options.Disk,
                    Keys = KeysOf(index),
                    Rights = options.Rights,
                    Use = MachineUse.Spare,
                }),
        ];
        foreach (var machine in Machines)
            machine.UseChanged = FindInUse;
        FindInUse();
    }

    /// <summary>The run.</summary>
    public SimulatedWorld World { get; }

    /// <summary>Its settings.</summary>
    public ClusterOptions Options { get; }

    /// <summary>The network.</summary>
    public SimulatedNetwork Network { get; }

    /// <summary>The machines, by number: those of the founders, then the spare ones.</summary>
    public IReadOnlyList<Machine> Machines { get; }

    /// <summary>
    /// The machines on which a node belongs: neither spare yet, nor out of use for good. All, in a run
    /// without spare ones.
    /// </summary>
    public IReadOnlyList<Machine> InUse { get; private set; } = [];

    /// <summary>The keyspaces of the run, in the order in which they are made.</summary>
    public IReadOnlyList<KeyspaceGroups> Keyspaces =>
    [
        new(new(1), KeyspaceName.Default, new(1), Options.Partitions),
        .. Options.OrdersPartitions == 0 ? [] : new[]
        {
            new KeyspaceGroups(new(2), Orders, new(1 + (uint)Options.Partitions), Options.OrdersPartitions),
        },
    ];

    /// <summary>The groups of a quorum keyspace; those are made after all others, in their order.</summary>
    public KeyspaceGroups GroupsOf(string quorumKeyspace)
    {
        var (id, first) = (2 + (uint)(Options.OrdersPartitions > 0 ? 1 : 0),
            1 + (uint)(Options.Partitions + Options.OrdersPartitions));
        foreach (var keyspace in Options.Quorums)
        {
            if (keyspace.Name == quorumKeyspace)
                return new(new(id), keyspace.Name, new(first), keyspace.Partitions);
            (id, first) = (id + 1, first + (uint)keyspace.Partitions);
        }

        throw new ArgumentException($"no keyspace '{quorumKeyspace}' of mode quorum", nameof(quorumKeyspace));
    }

    /// <summary>What a clock shows that is right, in Unix milliseconds.</summary>
    public long TrueTimeMs => Clocks.SimulatedClock.TrueTimeMs(World.NowUs);

    /// <summary>Replicas that a partition has, at most, of what keyspace it may be.</summary>
    public int ReplicasMost => Options.Quorums.Select(static keyspace => keyspace.Replicas)
        .Append(Options.ReplicationFactor).Max();

    /// <summary>
    /// The metadata group and the groups of all partitions that strong keyspaces are to have.
    /// </summary>
    public GroupDirectory Directory => new(Keyspaces);

    /// <summary>The group of a key in a keyspace.</summary>
    public GroupId GroupOf(ReadOnlySpan<byte> key, string keyspace = KeyspaceName.Default)
    {
        var groups = Directory.Keyspace(keyspace)!;
        return groups.Of(new(KeySlot.PartitionOf(KeySlot.Of(key), groups.Count)));
    }

    /// <summary>True once a node knows all keyspaces of the run.</summary>
    public bool IsWhole => Running.Any(
        process => process.Node.Map.Keyspaces.Count == Keyspaces.Count + Options.Quorums.Count);

    /// <summary>The processes that run, by number of their machine.</summary>
    public IEnumerable<SimulatedProcess> Running =>
        Machines.Select(machine => machine.Process).OfType<SimulatedProcess>();

    /// <summary>Those of them that take part: an empty disk keeps a node out.</summary>
    public IEnumerable<SimulatedProcess> TakingPart =>
        Running.Where(static process => !process.Machine.IsOutsider);

    /// <summary>
    /// How many machines in use may lose their data for good without any promise being off, where groups have
    /// all their replicas; where they may not, the configurations must be asked.
    /// </summary>
    public int LossesAllowed => Math.Min(
        (Math.Min(Options.ReplicationFactor, Options.Nodes) - 1) / 2,
        Options.Quorums.Where(static keyspace => keyspace.Write > 1)
            .Select(static keyspace => keyspace.Write - 1).DefaultIfEmpty(int.MaxValue).Min());

    /// <summary>Starts all nodes, at almost the same time.</summary>
    public void Start()
    {
        if (Made.Count > 0)
            MakeKeyspaces(World.Random("orders"));
        var random = World.Random("first start");
        var late = Options is { HasLateNode: true, Nodes: >= 4 } ? Machines[Options.Nodes - 1] : null;
        foreach (var machine in InUse.Where(machine => machine != late))
            machine.StartAfter(random.Between(0, 50_000));
    }

    /// <summary>
    /// True if all groups have whole majorities without this machine. Where replicas move it is their
    /// configurations that say what a majority is: those that any replica has in force, committed or not,
    /// while no machine is away that may know a newer one, and nobody leaves.
    /// </summary>
    public bool KeepsMajorities(Machine machine)
    {
        var damaged = InUse.Where(one => one == machine || one.IsDamaged).ToArray();
        var lost = damaged.Select(static one => one.Id).ToHashSet();
        return InUse.Except(damaged).All(static one => one.Process is not null)
            && Machines.All(static one => one.IsGone || one.Wanted == MemberStatus.Active)
            && Running.SelectMany(static process => process.Replicas)
                .Select(static replica => replica.Raft.Configuration)
                .All(one => HasMajority(one.Voters, lost) && HasMajority(one.Outgoing, lost));
    }

    /// <summary>True if a node that takes part knows this status of the machine's node.</summary>
    public bool HasStatus(Machine machine, MemberStatus status) => TakingPart
        .SelectMany(static process => process.Replicas)
        .Select(static replica => replica.Machine).OfType<MetaMachine>()
        .Any(meta => meta.Members.TryGetValue(machine.Id, out var member) && member.Status == status);

    /// <summary>
    /// The disk that the machine had in another cluster of the same names; null if none came to stand.
    /// </summary>
    public SimulatedDisk? FormerDiskOf(int machine) =>
        (_formerDisks ??= FormerDisks()) is { Count: > 0 } disks ? disks[machine].Copy() : null;

    private static bool HasMajority(IReadOnlyList<NodeId> voters, HashSet<NodeId> lost) =>
        voters.Count == 0 || 2 * voters.Count(lost.Contains) < voters.Count;

    private void FindInUse() =>
        InUse = [.. Machines.Where(static machine => machine.Use == MachineUse.InUse)];

    private IReadOnlyList<SimulatedDisk> FormerDisks()
    {
        var world = new SimulatedWorld((ulong)World.Random("former cluster").Next(), Verbosity.Outcome, null);
        var former = new Cluster(
            world, Options with { HasLateNode = false, Spares = 0, Quorums = [] }, _network);
        former.Start();
        var isFounded = world.RunUntil(30_000_000, () => former.Machines.All(machine =>
            machine.IsAdmitted && machine.Process is { } process && process.Node.ClusterId != Guid.Empty));
        foreach (var process in former.Running.ToArray())
            process.End();
        return isFounded ? [.. former.Machines.Select(static machine => machine.Disk.Crash(0))] : [];
    }

    // The keyspaces that are made while the cluster runs, in this order.
    private IReadOnlyList<KeyspaceSettings> Made =>
    [
        .. Options.OrdersPartitions == 0 ? [] : new[]
        {
            new KeyspaceSettings(
                Orders, KeyspaceSettings.Strong, Options.OrdersPartitions,
                Math.Min(Options.ReplicationFactor, Options.Nodes), Protocol.Limits.KeyBytesMax,
                Protocol.Limits.ValueBytesMax,
                "binary"),
        },
        .. Options.Quorums.Select(static keyspace => keyspace.Settings),
    ];

    // Asked for again and again, of every node: the leader of the metadata group makes it, once.
    private void MakeKeyspaces(RandomStream random) => World.Scheduler.After(
        random.Between(300_000, Options.OrdersPartitions > 0 ? 8_000_000 : 2_000_000), () =>
        {
            var made = Made;
            foreach (var process in Running)
            {
                // The default one is there first.
                var next = process.Node.Map.Keyspaces.Count - 1;
                if (next >= 0 && next < made.Count)
                    process.After(0, () => process.Node.CreateKeyspace(made[next]));
            }

            if (!IsWhole)
                MakeKeyspaces(random);
        });

    private static string NameOf(int number) => string.Create(CultureInfo.InvariantCulture, $"node-{number}");

    private static string AddressOf(int number, int port) =>
        string.Create(CultureInfo.InvariantCulture, $"127.0.0.{number}:{port}");

    // It knows some founders, and draws an id itself.
    private NodeOptions SpareOptionsOf(int index)
    {
        var random = World.Random("spare machine", index);
        var founders = Enumerable.Range(0, Options.Nodes).OrderBy(_ => random.Next()).Take(FoundersKnown);
        var self = new MemberSeed(
            ClusterIdentity.NodeFromName(NameOf(index + 1)), NameOf(index + 1),
            SimulatedNetwork.AddressOf(index));
        return OptionsOf(index + 1, self) with
        {
            Members = [self],
            Join = [.. founders.Select(founder => _members[founder].PeerAddress)],
        };
    }

    private NodeOptions FounderOptionsOf(int index) =>
        OptionsOf(index + 1, _members[index]) with { Members = _members };

    private NodeOptions OptionsOf(int number, MemberSeed self) => new()
    {
        Self = new(
            self.Id, self.Name, self.PeerAddress, AddressOf(number, 50051), AddressOf(number, 8080)),
        Members = [],
        PartitionCount = Options.Partitions,
        ReplicationFactor = Options.ReplicationFactor,
        VirtualNodes = 16,
        Loops = Options.Loops,
        TickMs = Options.TickMs,
        HeartbeatMs = Options.HeartbeatMs,
        ElectionTimeoutMinMs = Options.ElectionMinMs,
        ElectionTimeoutMaxMs = Options.ElectionMaxMs,
        LeaseReads = Options.LeaseReads,
        SegmentBytes = Options.SegmentBytes,
        CheckpointLogBytes = Options.CheckpointLogBytes,
        TrailingLogBytes = Options.TrailingLogBytes,
        SnapshotBytesPerSecond = Options.SnapshotRate,
        SnapshotChunkBytes = Options.SnapshotChunkBytes,
        TreeLevelBytes = Options.TreeLevelBytes,
        TreeTableBytes = Options.TreeTableBytes,
        ScrubBytesPerSecond = Options.ScrubRate,
        ScrubPauseMs = 2000,
        Compression = Options.Compression,
        SessionRecordsMax = Options.SessionRecordsMax,
        SyncIntervalMs = Options.SyncIntervalMs,
        TombstoneMinMs = Options.TombstoneMinMs,
        AppendBytesMax = Options.AppendBytesMax,
    };

    private MachineKeys? KeysOf(int index) =>
        Options.IsEncrypted ? new(World.Random("master keys", index)) : null;
}
