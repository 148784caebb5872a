using System.Text;
using Kvorum.Node;
using Kvorum.Node.Events;
using Kvorum.Node.Membership;
using Kvorum.Node.State;
using Kvorum.Raft;
using Kvorum.Simulator.Clocks;
using Kvorum.Simulator.Disks;
using Kvorum.Simulator.Network;
using Kvorum.Simulator.World;
using Kvorum.Storage.Log;

namespace Kvorum.Simulator.Processes;

/// <summary>
/// One server: a disk and a clock that outlive its processes, and a supervisor that starts the node again
/// after its end.
/// </summary>
internal sealed class Machine
{
    private readonly SimulatedNetwork _network;
    private readonly NodeOptions _options;
    private readonly RandomStream _random;
    private int _failuresAtStart;
    private int _plan;

    // The disk that was taken out, as the end of its process left it.
    private SimulatedDisk? _former;

    public Machine(SimulatedWorld world, SimulatedNetwork network, int index, NodeOptions options)
    {
        (World, _network, Index, _options, Id) = (world, network, index, options, options.Self.Id);
        _random = world.Random("machine", index);
        const long minuteUs = 60_000_000;
        var startUs = _random.Between(0, 15 * minuteUs);
        // Wall times are right within 100 ms, while nothing is wrong.
        Clock = new(world.Scheduler, startUs, (_random.Between(-minuteUs, minuteUs) / 600) - startUs);
    }

    /// <summary>The run.</summary>
    public SimulatedWorld World { get; }

    /// <summary>Its number, from 0.</summary>
    public int Index { get; }

    /// <summary>
    /// The id of its node; of one that is to join, what it has drawn itself once it has run.
    /// </summary>
    public NodeId Id { get => Process?.Node.Id ?? field; private set; }

    /// <summary>What it is there for.</summary>
    public MachineUse Use
    {
        get;
        set
        {
            field = value;
            UseChanged();
        }
    } = MachineUse.InUse;

    /// <summary>What an operator wants of its node.</summary>
    public MemberStatus Wanted { get; set; } = MemberStatus.Active;

    /// <summary>True once its node is no member any more.</summary>
    public bool IsGone { get; private set; }

    /// <summary>True if its node joins the cluster; false if it is one of the founders.</summary>
    public bool Joins => _options.Join.Count > 0;

    /// <summary>Told when <see cref="Use"/> changes.</summary>
    public Action UseChanged { get; set; } = static () => { };

    /// <summary>What its disk is encrypted with; null: it is plain.</summary>
    public MachineKeys? Keys { get; init; }

    /// <summary>How its node lets users in, if rights are enforced.</summary>
    public RightsOptions? Rights { get; init; }

    /// <summary>Its disk as it is now.</summary>
    public SimulatedDisk Disk { get; private set; } = new() { KeepsTrace = false };

    /// <summary>Most bytes that its disk may hold now; null: no bound.</summary>
    public long? DiskBytesMax
    {
        get;
        set => Disk.BytesMax = (field = value) ?? long.MaxValue;
    }

    /// <summary>True while the process can open no files.</summary>
    public bool HasNoDescriptors
    {
        get;
        set => Disk.HasNoDescriptors = field = value;
    }

    /// <summary>True while an operator lets no node start here.</summary>
    public bool IsHeld { get; set; }

    /// <summary>The format versions that its program speaks from its next start on.</summary>
    public FormatRange Formats { get; set; } = FormatRange.Own;

    /// <summary>Its clock.</summary>
    public SimulatedClock Clock { get; }

    /// <summary>How fast its disk is.</summary>
    public DiskSpeed Speed { get; set; } = new();

    /// <summary>How many times longer its disk takes now.</summary>
    public double DiskSlowness { get; set; } = 1;

    /// <summary>The process that runs; null if none does.</summary>
    public SimulatedProcess? Process { get; private set; }

    /// <summary>How often its node was started.</summary>
    public int Starts { get; private set; }

    /// <summary>True once its data is damaged and it has refused to start: it never comes back.</summary>
    public bool IsLost { get; private set; }

    /// <summary>
    /// True while an empty disk is in the place of the one that it took part with: it must stay out.
    /// </summary>
    public bool IsWiped => _former is not null && !IsForeign;

    /// <summary>True while a disk of another cluster of the same names is in the place of its own.</summary>
    public bool IsForeign { get; private set; }

    /// <summary>
    /// True once its disk lacks what it had: an earlier copy is in its place, or the end of the log is zeros.
    /// </summary>
    public bool IsOld { get; private set; }

    /// <summary>True while it must take no part.</summary>
    public bool IsOutsider => IsWiped || IsOld || IsForeign;

    /// <summary>Its data folder was admitted by the others: from then on it starts without asking.</summary>
    public bool IsAdmitted => Disk.Exists("identity.json")
        && Disk.ReadAll("identity.json").AsSpan().IndexOf("\"admitted\": true"u8) >= 0;

    /// <summary>
    /// True if its node lacked, when it ran last, records of quorum keyspaces that its replicas should have.
    /// </summary>
    public bool LacksRecords { get; set; }

    /// <summary>True if any of its data is damaged, whether it has noticed or not.</summary>
    public bool IsDamaged => IsLost || IsOutsider || Disk.HasDamage || LacksRecords
        || (Process?.Replicas.Any(static replica => replica.IsFenced) ?? false);

    /// <summary>Told after each turn of a loop.</summary>
    public Action<SimulatedProcess, int> Turned { get; set; } = static (_, _) => { };

    /// <summary>Told after a start, and after an end.</summary>
    public Action<Machine, bool> Changed { get; set; } = static (_, _) => { };

    /// <summary>Told when its node is elected leader of a partition.</summary>
    public Action<Machine> Elected { get; set; } = static _ => { };

    /// <summary>Told when its node suspects a peer.</summary>
    public Action<SimulatedProcess, PeerSuspected> Suspected { get; set; } = static (_, _) => { };

    /// <summary>Makes the world's disk errors; asked for each operation.</summary>
    public Func<string, string, IOException?>? DiskFault
    {
        get;
        set => Disk.Fault = field = value;
    }

    /// <summary>The node starts so long from now, unless something else is decided until then.</summary>
    public void StartAfter(long delayUs)
    {
        var plan = ++_plan;
        World.Scheduler.After(delayUs, () =>
        {
            if (plan == _plan)
                Start();
        });
    }

    /// <summary>Starts the node, unless it runs, is lost, or does not belong here.</summary>
    public void Start()
    {
        if (Process is not null || IsLost || IsHeld || Use != MachineUse.InUse)
            return;
        _plan++;
        Starts++;
        Disk.DamageRead.Clear();
        Disk.NotRead.Clear();
        _failuresAtStart = Disk.FailedOperations;
        var endpoint = _network.Connect(Index);
        endpoint.Sending = Sending;
        try
        {
            Process = SimulatedProcess.Start(
                this, endpoint, OptionsNow(), new(_random.Next(), "process"));
        }
        catch (Exception e) when (e is IOException or NodeStartException)
        {
            Refused(e);
            return;
        }

        var found = Process.Node.Recovery;
        World.Trace.Event(
            Verbosity.Faults, TraceKind.Start, Index, (ulong)found.Records,
            $"starts; its log has {found.Records} records in {found.Segments} segments");
        // Of a table more is read than is looked at; what is looked at, the checkers compare.
        if (Disk.DamageRead.FirstOrDefault(IsLog) is { } log)
            World.Fail($"damage not noticed: node-{Index + 1} has read {log} and runs");
        Changed(this, true);
        if (Disk.IsOff)
            LosePower(FaultKind.CrashInDiskWork);
    }

    /// <summary>The node is started for the first time, on a machine that was spare.</summary>
    public void BeginUse()
    {
        Use = MachineUse.InUse;
        StartAfter(_random.Between(0, 50_000));
    }

    /// <summary>The node is no member any more: an operator ends it, and it never runs again.</summary>
    public void Removed()
    {
        IsGone = true;
        Use = MachineUse.Retired;
        if (Process is not null)
            EndProcess(isPowerLost: false);
    }

    /// <summary>The power goes, and the machine and its disk are gone for good.</summary>
    public void Destroy()
    {
        Wanted = MemberStatus.Lost;
        Use = MachineUse.Retired;
        if (Process is not null)
            EndProcess(isPowerLost: true);
        Put(new() { KeepsTrace = false });
    }

    /// <summary>True if the node knows from the start that the other is a member, or may be asked.</summary>
    public bool Asks(Machine member) => _options.Join.Contains(member._options.Self.PeerAddress);

    /// <summary>kill -9.</summary>
    public void Kill(FaultKind why) => End(why, isPowerLost: false);

    /// <summary>An operator stops the node, if it runs, and starts a newer program.</summary>
    public void Upgrade()
    {
        Formats = FormatRange.Own;
        Trace("is to run a newer program");
        if (Process is not null)
            End(FaultKind.NodeUpgraded, isPowerLost: false);
        else
            World.Fired(FaultKind.NodeUpgraded);
    }

    /// <summary>The power goes: what was not synced may be lost or torn.</summary>
    public void LosePower(FaultKind why)
    {
        End(why, isPowerLost: true);
        AfterPowerLoss();
    }

    /// <summary>
    /// The power goes, and with it the disk: the node comes under its id with an empty one.
    /// </summary>
    public void Wipe()
    {
        LosePower(FaultKind.WipedDisk);
        _former = Disk;
        Put(new() { KeepsTrace = false });
        Trace("an empty disk is in its place");
    }

    /// <summary>
    /// The power goes, and a disk of another cluster is in the place of this one, until it is put back.
    /// </summary>
    public void ComeWithForeign(SimulatedDisk disk)
    {
        if (Process is null)
            World.Fired(FaultKind.ForeignFolder);
        else
            LosePower(FaultKind.ForeignFolder);
        _former = Disk;
        IsForeign = true;
        Put(disk);
        Trace("a disk of another cluster is in its place");
        StartAfter(_random.Between(50_000, 500_000));
    }

    /// <summary>
    /// The power goes, and another disk is in the place of this one from now on, which lacks something that
    /// this one has.
    /// </summary>
    public void ComeBackWith(SimulatedDisk disk, FaultKind why)
    {
        LosePower(why);
        IsOld = true;
        Put(disk);
        Trace("its disk lacks from now on what it had");
    }

    /// <summary>
    /// True if it remembers durably that the log of the other had more than such a log has: on its own disk,
    /// which comes back where another is in its place.
    /// </summary>
    public bool RemembersMore(Machine other, LogFacts than) =>
        LogFacts.Of(MachineKeys.Opened((_former ?? Disk).Crash(0))) is { } own
        && own.Members.TryGetValue(other.Id, out var remembered)
        && !than.Lives.Hold(remembered.Log, than.Durable);

    /// <summary>
    /// An operator has the node's former disk: stops the node and starts it with that.
    /// </summary>
    public void PutBack()
    {
        if (_former is not { } former)
            return;
        if (Process is not null)
            EndProcess(isPowerLost: false);
        (_former, IsForeign) = (null, false);
        Put(former);
        Trace("its former disk is back");
    }

    /// <summary>True if it remembers durably by which data folder it knows the other.</summary>
    public bool Knows(Machine other)
    {
        const string field = "\"incarnation\": \"";
        if (!Disk.Exists("members.json") || !other.Disk.Exists("identity.json"))
            return false;
        var identity = Encoding.UTF8.GetString(other.Disk.ReadAll("identity.json"));
        var at = identity.IndexOf(field, StringComparison.Ordinal) + field.Length;
        var incarnation = identity[at..identity.IndexOf('"', at)];
        return Encoding.UTF8.GetString(Disk.ReadAll("members.json"))
            .Contains(incarnation, StringComparison.Ordinal);
    }

    /// <summary>The node itself has ended its process.</summary>
    public void GaveUp(string message)
    {
        World.Require(
            Disk.FailedOperations > _failuresAtStart || Disk.IsOff || World.HasForgotten,
            $"node-{Index + 1} gave up, though its disk did nothing wrong: {message}");
        World.Require(
            !message.Contains("No space left", StringComparison.Ordinal),
            $"node-{Index + 1} gave up for want of room: {message}");
        World.Require(
            !message.Contains("Too many open files", StringComparison.Ordinal),
            $"node-{Index + 1} gave up for want of descriptors: {message}");
        World.Trace.Event(Verbosity.Faults, TraceKind.Note, Index, 0, $"gives up: {FirstLine(message)}");
        EndProcess(isPowerLost: false);
    }

    private void End(FaultKind why, bool isPowerLost)
    {
        if (Process is null)
            return;
        World.Fired(why);
        World.Trace.Event(Verbosity.Faults, TraceKind.End, Index, (ulong)why, $"ends: {why}");
        EndProcess(isPowerLost);
    }

    private void EndProcess(bool isPowerLost)
    {
        Id = Process!.Node.Id;
        Process.End();
        Process = null;
        _network.Disconnect(Index, isPowerLost);
        Changed(this, false);
        StartAfter(_random.Between(50_000, 3_000_000));
    }

    private void Refused(Exception why)
    {
        _network.Disconnect(Index, Disk.IsOff);
        if (Disk.IsOff)
        {
            World.Fired(FaultKind.CrashInDiskWork);
            AfterPowerLoss();
        }
        else if (!Disk.DamageRead.All(IsTable) || (IsOld && why is LogDamagedException or NodeStartException))
        {
            IsLost = true;
        }
        else
        {
            World.Require(
                Disk.FailedOperations > _failuresAtStart || HasNoDescriptors,
                $"node-{Index + 1} refuses to start, though its disk did nothing wrong: {why.Message}");
        }

        World.Trace.Event(Verbosity.Faults, TraceKind.Refused, Index, (ulong)why.Message.Length,
            $"refuses to start: {FirstLine(why.Message)}");
        if (!IsLost)
            StartAfter(_random.Between(100_000, 2_000_000));
    }

    // A node that joins draws its id, and its host says later what the folder says.
    private NodeOptions OptionsNow()
    {
        var now = _options with { Formats = Formats };
        return Joins && Disk.Exists(IdentityFile.Name)
            ? now with { Self = now.Self with { Id = IdentityFile.Read(Disk).Node } } : now;
    }

    // Everything not synced is lost, or kept, or each sector draws, by the weather of this power cut.
    private void AfterPowerLoss()
    {
        var weather = _random.Below(4) switch { 0 => 0.0, 1 => 1.0, _ => _random.Fraction() };
        Put(Disk.Crash(() => _random.Chance(weather)));
    }

    private void Put(SimulatedDisk disk)
    {
        Disk = disk;
        Disk.Fault = DiskFault;
        Disk.BytesMax = DiskBytesMax ?? long.MaxValue;
        Disk.HasNoDescriptors = HasNoDescriptors;
    }

    private void Trace(string what) =>
        World.Trace.Event(Verbosity.Faults, TraceKind.Fault, Index, (ulong)what.Length, $"{what}");

    // A refused node may identify itself and forward requests; it must not send Raft messages.
    private void Sending(PeerFrameKind kind) => World.Require(
        !IsWiped || kind is PeerFrameKind.IncarnationHello or PeerFrameKind.AdmissionAnswer
            or PeerFrameKind.Forward or PeerFrameKind.ForwardReply or PeerFrameKind.PartialScanRequest
            or PeerFrameKind.SlowLog or PeerFrameKind.Clock or PeerFrameKind.Alive,
        $"a wiped disk stays out: node-{Index + 1} sends {kind} frames");

    private static bool IsTable(string path) => path.EndsWith(".table", StringComparison.Ordinal);

    private static bool IsLog(string path) => path.EndsWith(".log", StringComparison.Ordinal);

    private static string FirstLine(string text) => text.Split('\n')[0];
}
