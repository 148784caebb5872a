namespace Kvorum.Verification.Search;

// The search of Wing and Gong ("Testing and verifying concurrent objects", 1993) as Lowe made it fast
// ("Testing for linearizability", 2017): depth first over the steps that could be next, which are those
// asked before the first completion of a step that is left; and never twice from the same configuration,
// which is the set of steps done and the state. A configuration is remembered by a fingerprint of 128 bits,
// the XOR of its members' signs and the state's: that two of a search collide is less likely than a broken
// machine.
//
// Five rules keep the tree small. Each is sound, that is, an order exists within the rules if one exists:
//   1. Versions grow: see PositionOrder.
//   2. A step that changes nothing and may be next is next. Whatever order follows, the step could be moved
//      to its front.
//   3. A step of unknown outcome is followed at once by a step that depends on what the key holds.
//      Otherwise no step sees its effect, and it can be left out.
//   4. Of steps of unknown outcome that do the same, the one asked first is first: no answer tells them
//      apart, and the one asked first may stand wherever another one may.
//   5. A step of unknown outcome that alone can have set a value happened if the value was read, and got
//      the version that was read: see KeySteps.
// And steps of unknown outcome are tried last, so that what needs few of them is tried before what needs
// more: see TriedConfigurations.

/// <summary>
/// Looks for an order of one key's steps that explains all answers. Used once. Without
/// <paramref name="looksAhead"/> rule 1 is left out: a search that fails then gets as far as it can.
/// </summary>
internal sealed class LinearizationSearch(KeySteps operations, long configurationsMax, bool looksAhead = true)
{
    private const int StatesTold = 6;
    private const int NoStep = -1;

    private readonly List<KeyStep> _steps = operations.Steps;
    private readonly EventLine _certain = new(operations.Steps, ofCertain: true);
    private readonly EventLine _uncertain = new(operations.Steps, ofCertain: false);
    private readonly PositionOrder _order = new(operations.Steps);
    private readonly TriedConfigurations _tried = new();
    private readonly Stack<Choice> _choices = [];
    private readonly List<RegisterState> _blockedAtEnd = [];
    private RegisterState _state = RegisterState.Initial;
    private UInt128 _set;
    private ulong _repeats;
    private bool _mustBeSeen;
    private int _certainLeft = operations.Steps.Count(step => step.IsCertain);

    private enum Trial : byte
    {
        Taken,
        NotPossible,
        DeadEnd,
    }

    /// <summary>Number of configurations tried.</summary>
    public long Configurations => _tried.Count;

    /// <summary>Number of the furthest completion at which the search was blocked; -1 if at none.</summary>
    public int FurthestBlocked { get; private set; } = -1;

    /// <summary>
    /// What the key could hold when the step that ends at the last event could not be next, some of it.
    /// </summary>
    public IEnumerable<string> StatesBeforeTheEnd => _blockedAtEnd.Select(Describe).Distinct();

    /// <summary>Searches, for at most so many configurations as were allowed.</summary>
    public SearchVerdict Run()
    {
        var step = _certainLeft > 0 ? FirstToTry() : NoStep;
        while (_certainLeft > 0)
        {
            if (_tried.Count > configurationsMax)
                return SearchVerdict.GivenUp;
            var trial = step == NoStep ? Trial.DeadEnd : Try(step);
            if (trial == Trial.DeadEnd && !TryGoBack(out step))
                return SearchVerdict.None;
            if (trial == Trial.NotPossible)
                step = NextToTry(step);
            else if (trial == Trial.Taken && _certainLeft > 0)
                step = FirstToTry();
        }

        return SearchVerdict.Found;
    }

    // A step that is free; else the steps that are certain first, in the order in which they were asked.
    private int FirstToTry()
    {
        var first = _certain.After(_certain.Head);
        for (var entry = first; !EventLine.IsCompletion(entry); entry = _certain.After(entry))
        {
            if (IsPossible(entry / 2, out var next) && IsFree(_steps[entry / 2], next))
                return entry / 2;
        }

        return Candidate(first);
    }

    private int NextToTry(int step) => _steps[step].IsCertain
        ? Candidate(_certain.After(step * 2))
        : UncertainCandidate(_uncertain.After(step * 2));

    private int Candidate(int entry)
    {
        if (!EventLine.IsCompletion(entry))
            return entry / 2;
        NoteBlocked(entry / 2);
        return UncertainCandidate(_uncertain.After(_uncertain.Head));
    }

    private int UncertainCandidate(int entry) =>
        entry != _uncertain.Head && _steps[entry / 2].Operation.InvokedEvent < FirstCompletion()
            ? entry / 2
            : NoStep;

    private int FirstCompletion()
    {
        var entry = _certain.After(_certain.Head);
        while (!EventLine.IsCompletion(entry))
            entry = _certain.After(entry);
        return _steps[entry / 2].Operation.CompletedEvent!.Value;
    }

    private bool IsPossible(int index, out RegisterState next)
    {
        var step = _steps[index];
        next = _state;
        return (!_mustBeSeen || step.DependsOnState)
            && (step.Twin < 0 || _order.IsDone(step.Twin))
            && (!looksAhead || _order.MayBeNext(step.Position))
            && RegisterModel.TryApply(step, operations, _state, out next);
    }

    private bool IsFree(in KeyStep step, RegisterState next) =>
        step.IsCertain && !step.IsWrite && next == _state;

    private Trial Try(int index)
    {
        if (!IsPossible(index, out var next))
            return Trial.NotPossible;
        var step = _steps[index];
        var isFree = IsFree(step, next);
        var set = step.Repeats > 0 || step.IsSpentByVersion ? _set : _set ^ Bits.Member(index);
        if (!_tried.TryAdd(set ^ next.Fingerprint(!step.IsCertain), _repeats + step.Repeats))
            return isFree ? Trial.DeadEnd : Trial.NotPossible;

        _choices.Push(new(index, isFree, _state, _set, _mustBeSeen, _order.Done));
        LineOf(step).Lift(index);
        _order.Add(index);
        _set = set;
        _repeats += step.Repeats;
        _state = next;
        _mustBeSeen = !step.IsCertain;
        if (step.IsCertain)
            _certainLeft--;
        return Trial.Taken;
    }

    // Back to the last choice that was not forced, and to the step after the one that was chosen.
    private bool TryGoBack(out int step)
    {
        while (_choices.TryPop(out var choice))
        {
            var undone = _steps[choice.Step];
            LineOf(undone).PutBack(choice.Step);
            _order.Remove(choice.Step, choice.PositionsDone);
            _set = choice.Set;
            _repeats -= undone.Repeats;
            _state = choice.State;
            _mustBeSeen = choice.MustBeSeen;
            if (undone.IsCertain)
                _certainLeft++;
            if (!choice.IsFree)
            {
                step = NextToTry(choice.Step);
                return true;
            }
        }

        step = NoStep;
        return false;
    }

    private EventLine LineOf(in KeyStep step) => step.IsCertain ? _certain : _uncertain;

    private void NoteBlocked(int index)
    {
        var completed = _steps[index].Operation.CompletedEvent!.Value;
        FurthestBlocked = Math.Max(FurthestBlocked, completed);
        if (completed == operations.LastEvent
            && _blockedAtEnd.Count < StatesTold && !_mustBeSeen && !_blockedAtEnd.Contains(_state))
            _blockedAtEnd.Add(_state);
    }

    private string Describe(RegisterState state)
    {
        if (state.Value == RegisterState.Absent)
            return "absent";
        var version = state.HasVersion ? $"version {state.Floor}" : $"a version above {state.Floor}";
        return $"\"{operations.ValueOf(state.Value)}\", {version}";
    }

    private readonly record struct Choice(
        int Step, bool IsFree, RegisterState State, UInt128 Set, bool MustBeSeen, int PositionsDone);
}
