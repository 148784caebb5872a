namespace Kvorum.Verification.Search;

// The search of Wing and Gong ("Testing and verifying concurrent objects", 1993) as Lowe made it fast
// ("Testing for linearizability", 2017): depth first over the steps that could be next, which are those asked
// before the first completion of a step that is left; and never twice from the same configuration, which is
// the set of steps done and the state. A configuration is remembered by a fingerprint of 128 bits, the XOR of
// its members' signs and the state's: that two of a search collide is less likely than a broken machine.
//
// Four rules keep the tree small. Each is sound, that is, an order exists within the rules if one exists:
//   1. Versions grow: see PositionOrder.
//   2. A step that changes nothing and may be next is next. Whatever order follows, the step could be moved
//      to its front.
//   3. A step of unknown outcome is followed at once by a step that depends on what the key holds. Otherwise
//      nobody sees its effect, and it can be left out.
//   4. Of steps of unknown outcome that do the same, the one asked first is first: no answer tells them
//      apart, and the one asked first may stand wherever another one may.

/// <summary>
/// Looks for an order of one key's steps that explains all answers. Used once. Without
/// <paramref name="looksAhead"/> rule 1 is left out: a search that fails then gets as far as it can.
/// </summary>
internal sealed class LinearizationSearch(KeySteps operations, long configurationsMax, bool looksAhead = true)
{
    private const int StatesTold = 6;

    private readonly List<KeyStep> _steps = operations.Steps;
    private readonly EventLine _line = new(operations.Steps);
    private readonly PositionOrder _order = new(operations.Steps);
    private readonly HashSet<UInt128> _tried = [];
    private readonly Stack<Choice> _choices = [];
    private readonly List<RegisterState> _blockedAtEnd = [];
    private RegisterState _state = RegisterState.Initial;
    private UInt128 _set;
    private bool _mustBeSeen;

    private enum Trial : byte
    {
        Taken,
        NotPossible,
        DeadEnd,
    }

    /// <summary>Number of configurations tried.</summary>
    public long Configurations => _tried.Count;

    /// <summary>
    /// What the key could hold when the step that ends at the last event could not be next, some of it.
    /// </summary>
    public IEnumerable<string> StatesBeforeTheEnd => _blockedAtEnd.Select(Describe).Distinct();

    /// <summary>Searches, for at most so many configurations as were allowed.</summary>
    public SearchVerdict Run()
    {
        var certainLeft = _steps.Count(step => step.IsCertain);
        var entry = FirstToTry();
        while (certainLeft > 0)
        {
            if (_tried.Count > configurationsMax)
                return SearchVerdict.GivenUp;
            var trial = EventLine.IsCompletion(entry) ? Blocked(entry / 2) : Try(entry / 2);
            if (trial == Trial.DeadEnd)
            {
                if (!GoBack(ref certainLeft, out entry))
                    return SearchVerdict.None;
                continue;
            }

            if (trial == Trial.Taken && _steps[entry / 2].IsCertain)
                certainLeft--;
            entry = trial == Trial.Taken ? FirstToTry() : _line.After(entry);
        }

        return SearchVerdict.Found;
    }

    // The first entry, or that of a step that is free.
    private int FirstToTry()
    {
        var first = _line.After(_line.Head);
        for (var entry = first; entry != _line.Head && !EventLine.IsCompletion(entry); entry = _line.After(entry))
        {
            if (IsPossible(entry / 2, out var next) && IsFree(_steps[entry / 2], next))
                return entry;
        }

        return first;
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

    private bool IsFree(in KeyStep step, RegisterState next) => step.IsCertain && !step.IsWrite && next == _state;

    private Trial Try(int index)
    {
        if (!IsPossible(index, out var next))
            return Trial.NotPossible;
        var step = _steps[index];
        var isFree = IsFree(step, next);
        var set = _set ^ Bits.Member(index);
        if (!_tried.Add(set ^ next.Fingerprint(!step.IsCertain)))
            return isFree ? Trial.DeadEnd : Trial.NotPossible;

        _choices.Push(new(index, isFree, _state, _mustBeSeen, _order.Done));
        _line.Lift(index);
        _order.Add(index);
        _set = set;
        _state = next;
        _mustBeSeen = !step.IsCertain;
        return Trial.Taken;
    }

    // Back to the last choice that had another possibility; the entry after the one that was chosen.
    private bool GoBack(ref int certainLeft, out int entry)
    {
        while (_choices.TryPop(out var choice))
        {
            var index = choice.Step;
            _line.PutBack(index);
            _order.Remove(index, choice.PositionsDone);
            _set ^= Bits.Member(index);
            _state = choice.State;
            _mustBeSeen = choice.MustBeSeen;
            if (_steps[index].IsCertain)
                certainLeft++;
            entry = _line.After(index * 2);
            if (!choice.IsFree)
                return true;
        }

        entry = _line.Head;
        return false;
    }

    private Trial Blocked(int index)
    {
        if (_steps[index].Operation.CompletedEvent == operations.LastEvent
            && _blockedAtEnd.Count < StatesTold && !_mustBeSeen && !_blockedAtEnd.Contains(_state))
            _blockedAtEnd.Add(_state);
        return Trial.DeadEnd;
    }

    private string Describe(RegisterState state)
    {
        if (state.Value == RegisterState.Absent)
            return "absent";
        var version = state.HasVersion ? $"version {state.Floor}" : $"a version above {state.Floor}";
        return $"\"{operations.ValueOf(state.Value)}\", {version}";
    }

    private readonly record struct Choice(
        int Step, bool IsFree, RegisterState State, bool MustBeSeen, int PositionsDone);
}
