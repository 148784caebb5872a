using Kvorum.Raft;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Groups;

/// <summary>
/// The process of a member, in simulated time: its clock ticks, its disk takes time, and what is planned for
/// it does not happen once it has crashed, and waits while it is paused.
/// </summary>
internal sealed class MemberProcess
{
    private readonly SimulatedWorld _world;
    private readonly MessageNetwork _network;
    private readonly DiskChecker _disks;
    private readonly GroupOptions _options;
    private readonly RandomStream _random;
    private readonly double _tickUs;
    private double _nextTickUs;
    private int _life;
    private bool _takes;
    private bool _writes;
    private bool _applies;

    public MemberProcess(
        SimulatedWorld world, GroupOptions options, MessageNetwork network, DiskChecker disks, int number,
        Configuration start)
    {
        (_world, _options, _network, _disks, Number) = (world, options, network, disks, number);
        _random = world.Random("member", number);
        Member = new(options.Raft with { Id = new((UInt128)(number + 1)) }, start);
        var isRight = options.Drift == 0 || _random.Chance(0.5);
        _tickUs = GroupOptions.TickUs * (1 + (isRight ? 0 : _random.Fraction() * options.Drift));
        if (!isRight)
            world.Fired(FaultKind.ClockDrift);
    }

    /// <summary>Its number among the members, from 0.</summary>
    public int Number { get; }

    /// <summary>The replica and its disk.</summary>
    public GroupMember Member { get; }

    /// <summary>It does not run before this moment, in microseconds.</summary>
    public long PausedUntilUs { get; set; }

    /// <summary>True if it runs at this moment.</summary>
    public bool IsAwake => Member.Node is not null && PausedUntilUs <= _world.NowUs;

    /// <summary>Called after everything that the replica did.</summary>
    public Action<MemberProcess> Stepped { get; set; } = static _ => { };

    /// <summary>Called when the process is gone.</summary>
    public Action<MemberProcess> Crashed { get; set; } = static _ => { };

    /// <summary>Called when a read is answered.</summary>
    public Action<MemberProcess, ReadState> Answered { get; set; } = static (_, _) => { };

    /// <summary>Called when an entry was applied; null: a snapshot was installed.</summary>
    public Action<MemberProcess, Entry?> Applied { get; set; } = static (_, _) => { };

    /// <summary>The process starts.</summary>
    public void Start()
    {
        _life++;
        (_takes, _writes, _applies) = (false, false, false);
        Member.Start(new Random((int)_random.Next()));
        _world.Trace.Event(
            Verbosity.Faults, TraceKind.Start, Number, Member.Disk.LastIndex.Value,
            $"starts with a log up to {Member.Disk.LastIndex}");
        _nextTickUs = _world.NowUs + (_random.Fraction() * _tickUs);
        PlanTick();
        Look();
    }

    /// <summary>Power is lost: of the writes under way some survive, and one in part.</summary>
    public void Crash()
    {
        var (written, torn) = (_random.Below(Member.Persisting + 1), _random.Below(4));
        _world.Trace.Event(
            Verbosity.Faults, TraceKind.End, Number, (ulong)written,
            $"loses power; {written} of {Member.Persisting} writes are whole");
        Member.Crash(written, torn);
        Crashed(this);
        PausedUntilUs = 0;
    }

    /// <summary>
    /// Something is asked of the replica, or told to it. The ticks that are due come first, as the replica
    /// may demand of its host.
    /// </summary>
    public void Do(Action<RaftNode> what)
    {
        CatchUp();
        what(Member.Node!);
        Look();
        PlanWork();
    }

    /// <summary>A message has arrived; it is lost if the process is down.</summary>
    public void Receive(Message message) => WhenAwake(() =>
    {
        _world.Trace.Event(
            Verbosity.Everything, TraceKind.Frame, Number, message.Term.Value,
            $"hears {Transcript.Of(message)}");
        Member.Node!.Step(message);
    });

    private void PlanTick() => Plan((long)Math.Ceiling(_nextTickUs) - _world.NowUs, PlanTick);

    private void CatchUp()
    {
        for (; _nextTickUs <= _world.NowUs; _nextTickUs += _tickUs)
        {
            Member.Node!.Tick();
            Look();
        }
    }

    private void Plan(long delayUs, Action what)
    {
        var life = _life;
        _world.Scheduler.After(delayUs, () =>
        {
            if (life == _life)
                WhenAwake(what);
        });
    }

    // A process that is paused does it when it goes on, and one that has crashed meanwhile never.
    private void WhenAwake(Action what)
    {
        if (Member.Node is null)
            return;
        if (PausedUntilUs > _world.NowUs)
            Plan(PausedUntilUs - _world.NowUs, what);
        else
            Do(_ => what());
    }

    private void PlanWork()
    {
        if (!_takes && Member.Node!.HasReady)
        {
            _takes = true;
            Plan(Lazily(3000), Take);
        }

        if (!_writes && Member.CanPersist)
        {
            _writes = true;
            Plan(_network.IsWhole ? 100 : _random.Exponential(_options.SyncUs), Persist);
        }

        if (!_applies && Member.CanApply)
        {
            _applies = true;
            Plan(Lazily(3000), Apply);
        }
    }

    private long Lazily(long mostUs) =>
        _network.IsWhole || _random.Chance(0.75) ? 0 : _random.Between(0, mostUs);

    private void Take()
    {
        _takes = false;
        var ready = Member.Take();
        _world.Trace.Event(
            Verbosity.Everything, TraceKind.Turn, Number, ready.Sequence,
            $"{Transcript.Of(Member.Id, ready).TrimEnd()}");
        Send(ready.Messages);
        foreach (var read in ready.Reads)
            Answered(this, read);
    }

    private void Persist()
    {
        _writes = false;
        var before = Member.Applied;
        Send(Member.Persist());
        if (Member.Applied == before)
            return;
        _world.Fired(FaultKind.SnapshotInstalled);
        _world.Trace.Event(
            Verbosity.Faults, TraceKind.Note, Number, Member.Applied,
            $"has installed a snapshot at {Member.Applied}");
        Applied(this, null);
    }

    private void Apply()
    {
        _applies = false;
        // A snapshot may have taken the place of what waited.
        while (Member.CanApply)
        {
            Applied(this, Member.Apply());
            Look();
            if (_random.Chance(0.3))
                break;
        }
    }

    private void Send(IReadOnlyList<Message> messages)
    {
        foreach (var message in messages)
        {
            if (message is InstallSnapshot install && install.LeastIndex > install.Snapshot.Index)
            {
                // As a node does: a newer snapshot is made, and offered when the core asks again.
                Member.Compact(0);
                Member.Node!.SnapshotSent(message.To, delivered: false);
                continue;
            }

            _disks.Leaves(message);
            var arrives = _network.Send(message);
            if (message is InstallSnapshot)
                Member.Node!.SnapshotSent(message.To, arrives);
            if (!arrives && _random.Chance(0.25))
                Member.Node!.PeerUnreachable(message.To);
        }
    }

    private void Look()
    {
        var node = Member.Node!;
        _disks.Look(node);
        Stepped(this);
    }
}
