namespace Kvorum.Verification.Search;

/// <summary>
/// The one order in which steps with reported versions can come, since versions grow: a step may be next
/// only if no step of a smaller position is left. This decides nothing that <see cref="RegisterModel"/>
/// would not, only sooner.
/// </summary>
internal sealed class PositionOrder
{
    private readonly ulong[] _positions;
    private readonly int[] _steps;
    private readonly bool[] _isDone;

    public PositionOrder(List<KeyStep> steps)
    {
        var placed = steps.Index().Where(step => step.Item.Position > 0)
            .OrderBy(step => step.Item.Position).ThenBy(step => step.Index).ToArray();
        _positions = [.. placed.Select(step => step.Item.Position)];
        _steps = [.. placed.Select(step => step.Index)];
        _isDone = new bool[steps.Count];
    }

    /// <summary>Number of steps of the order that are done without a gap.</summary>
    public int Done { get; private set; }

    /// <summary>True if the step is in the order that is being tried.</summary>
    public bool IsDone(int step) => _isDone[step];

    /// <summary>True if no step of a smaller position is left.</summary>
    public bool MayBeNext(ulong position) =>
        position == 0 || (Done < _positions.Length && _positions[Done] == position);

    /// <summary>The step is done.</summary>
    public void Add(int step)
    {
        _isDone[step] = true;
        while (Done < _steps.Length && _isDone[_steps[Done]])
            Done++;
    }

    /// <summary>
    /// The step, added last, is undone; <paramref name="done"/> is <see cref="Done"/> from before it.
    /// </summary>
    public void Remove(int step, int done)
    {
        _isDone[step] = false;
        Done = done;
    }
}
