using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Nemesis;

/// <summary>
/// Faults that last: each is undone at its end, or when everything heals, whichever comes first.
/// </summary>
internal sealed class FaultySpell(SimulatedWorld world)
{
    private readonly SortedDictionary<int, Action> _undo = [];
    private int _last;

    /// <summary>Undoes it so long from now at the latest.</summary>
    public void UndoAfter(long us, Action undo)
    {
        var number = ++_last;
        _undo.Add(number, undo);
        world.Scheduler.After(us, () =>
        {
            if (_undo.Remove(number, out var due))
                due();
        });
    }

    /// <summary>Undoes all that is still to be undone.</summary>
    public void UndoAll()
    {
        foreach (var undo in _undo.Values.ToArray())
            undo();
        _undo.Clear();
    }
}
