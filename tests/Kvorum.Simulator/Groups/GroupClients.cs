using System.Globalization;
using Kvorum.Raft;
using Kvorum.Simulator.World;
using Kvorum.Verification;

namespace Kvorum.Simulator.Groups;

// Theorem. The index of a read is not below any that was known to be committed, by any member, when the read
// was asked. What clients see of it, linearizability of registers, is checked too, at the end.

/// <summary>
/// Writes to registers and reads of them, at any member; what became of them goes into a history.
/// </summary>
internal sealed class GroupClients
{
    private readonly SimulatedWorld _world;
    private readonly GroupOptions _options;
    private readonly IReadOnlyList<MemberProcess> _members;
    private readonly DiskChecker _disks;
    private readonly RandomStream _random;
    private readonly RegisterHistory _registers;
    private readonly SortedDictionary<ulong, Read> _reads = [];
    private readonly List<Write> _writes = [];
    private ulong _numbered;
    private int _round;

    public GroupClients(
        SimulatedWorld world, GroupOptions options, IReadOnlyList<MemberProcess> members, DiskChecker disks)
    {
        (_world, _options, _members, _disks) = (world, options, members, disks);
        _random = world.Random("clients");
        _registers = new(options.Registers);
        foreach (var member in members)
            (member.Answered, member.Applied) = (Answered, Applied);
    }

    private sealed record Write(MemberProcess Member, LogIndex Index, Term Term, Operation Operation);

    /// <summary>A read; its index is 0 until it is known.</summary>
    private sealed record Read(MemberProcess Member, int Register, ulong Least, Operation Operation)
    {
        public ulong Index { get; set; }
    }

    /// <summary>What clients asked and heard.</summary>
    public History History { get; } = new();

    /// <summary>Requests that were answered.</summary>
    public int Answers { get; private set; }

    /// <summary>Reads that were answered, by member.</summary>
    public SortedDictionary<int, int> ReadsOf { get; } = [];

    /// <summary>Registers there are.</summary>
    public int Registers => _options.Registers;

    /// <summary>Asks until <see cref="Rest"/>.</summary>
    public void Begin()
    {
        var round = ++_round;
        void Next() => _world.Scheduler.After(_random.Exponential(_options.AskUs), () =>
        {
            if (round != _round)
                return;
            AskSomething();
            Next();
        });
        Next();
    }

    /// <summary>Asks no more.</summary>
    public void Rest() => _round++;

    /// <summary>The process of a member is gone: what it was asked is not answered any more.</summary>
    public void Crashed(MemberProcess member)
    {
        foreach (var (number, read) in _reads.Where(read => read.Value.Member == member).ToArray())
        {
            _reads.Remove(number);
            Complete(read.Operation, Outcome.Failed);
        }

        Settle(write => write.Member == member, Outcome.Unknown);
    }

    /// <summary>True if a member has been asked for a read and has not answered.</summary>
    public bool Waits(MemberProcess member) => _reads.Values.Any(read => read.Member == member);

    /// <summary>Writes to a register through a member; the index, if it leads.</summary>
    public (LogIndex Index, Term Term)? Put(MemberProcess member, int register)
    {
        var number = ++_numbered;
        var asked = new Invocation(member.Number, OperationKind.Put, Name(register))
        {
            Value = number.ToString(CultureInfo.InvariantCulture),
        };
        var result = default(ProposeResult);
        member.Do(node =>
        {
            result = node.Propose(RegisterHistory.Command(register, number));
            if (result.Outcome == ProposeOutcome.Accepted)
                _writes.Add(new(member, result.Index, result.Term, Invoke(asked)));
        });
        return result.Outcome == ProposeOutcome.Accepted ? (result.Index, result.Term) : null;
    }

    /// <summary>Reads a register through a member.</summary>
    public void Get(MemberProcess member, int register, ReadMode mode)
    {
        var number = ++_numbered;
        var asked = new Invocation(member.Number, OperationKind.Get, Name(register));
        member.Do(node =>
        {
            _reads.Add(number, new(member, register, _disks.CommittedMax, Invoke(asked)));
            node.ReadIndex(number, mode);
        });
    }

    private void AskSomething()
    {
        var member = Pick();
        if (!member.IsAwake)
            return;
        var register = _random.Below(_options.Registers);
        if (_random.Chance(_options.Reads))
            Get(member, register, _random.Chance(_options.LeaseReads) ? ReadMode.Lease : ReadMode.Confirmed);
        else
            Put(member, register);
    }

    private MemberProcess Pick()
    {
        if (_random.Chance(_options.AskLeaders))
        {
            var leaders = _members.Where(static one => one.Member.Node?.Role == Role.Leader).ToArray();
            if (leaders.Length > 0)
                return _random.Pick(leaders);
        }

        return _random.Pick(_members);
    }

    private void Answered(MemberProcess member, ReadState answer)
    {
        if (!_reads.TryGetValue(answer.ReadId, out var read))
            return;
        if (answer.Index is not { } index)
        {
            _reads.Remove(answer.ReadId);
            Complete(read.Operation, Outcome.Failed);
            return;
        }

        _world.Require(
            index.Value >= read.Least,
            $"stale read: {member.Member.Id} may read at {index}, and {read.Least} was committed before");
        read.Index = Math.Max(1, index.Value);
        Serve(member);
    }

    private void Applied(MemberProcess member, Entry? entry)
    {
        if (entry is { } applied)
        {
            _registers.Apply(applied);
            bool IsHere(Write write) => write.Member == member && write.Index == applied.Index;
            Settle(write => IsHere(write) && write.Term != applied.Term, Outcome.Failed);
            Settle(IsHere, Outcome.Written(applied.Index.Value));
        }
        else
        {
            bool IsJumpedOver(Write write) =>
                write.Member == member && write.Index.Value <= member.Member.Applied;
            Settle(IsJumpedOver, Outcome.Unknown);
        }

        Serve(member);
    }

    // Reads whose index the state machine has reached.
    private void Serve(MemberProcess member)
    {
        var applied = member.Member.Applied;
        bool IsDue(Read read) => read.Member == member && read.Index > 0 && read.Index <= applied;
        foreach (var (number, read) in _reads.Where(read => IsDue(read.Value)).ToArray())
        {
            _reads.Remove(number);
            var (value, version) = _registers.Read(read.Register, applied);
            ReadsOf[member.Number] = ReadsOf.GetValueOrDefault(member.Number) + 1;
            Complete(read.Operation, new(OutcomeKind.Ok, value, version));
        }
    }

    private void Settle(Predicate<Write> which, Outcome outcome)
    {
        foreach (var write in _writes.FindAll(which))
            Complete(write.Operation, outcome);
        _writes.RemoveAll(which);
    }

    private Operation Invoke(in Invocation asked)
    {
        var operation = History.Invoke(asked, Now);
        _world.Trace.Event(
            Verbosity.Clients, TraceKind.Ask, asked.Client, (ulong)operation.Id,
            $"is asked to {asked.Kind} {asked.Key} {asked.Value}");
        return operation;
    }

    private void Complete(Operation operation, in Outcome outcome)
    {
        History.Complete(operation, outcome, Now);
        Answers += outcome.Kind == OutcomeKind.Ok ? 1 : 0;
        _world.Trace.Event(
            Verbosity.Clients, TraceKind.Answer, operation.Invocation.Client, outcome.Version ?? 0,
            $"answers: {operation}");
    }

    private TimeSpan Now => TimeSpan.FromMicroseconds(_world.NowUs);

    private static string Name(int register) => $"register-{register}";
}
