namespace Kvorum.Verification.Search;

/// <summary>
/// The moments of the steps that are not yet in the order being tried, in the order of the history: a doubly
/// linked list from which a step is lifted and into which it is put back, last lifted first. Entry 2i is the
/// invocation of step i, entry 2i + 1 its completion. One line has the steps that are certain, another one
/// the others, which have no completion.
/// </summary>
internal sealed class EventLine
{
    private readonly int[] _next;
    private readonly int[] _previous;
    private readonly bool _completes;

    public EventLine(List<KeyStep> steps, bool ofCertain)
    {
        _completes = ofCertain;
        Head = steps.Count * 2;
        _next = new int[Head + 1];
        _previous = new int[Head + 1];
        var moments = new List<(int Event, int Entry)>(Head);
        for (var i = 0; i < steps.Count; i++)
        {
            if (steps[i].IsCertain != ofCertain)
                continue;
            moments.Add((steps[i].Operation.InvokedEvent, i * 2));
            if (ofCertain)
                moments.Add((steps[i].Operation.CompletedEvent!.Value, i * 2 + 1));
        }

        moments.Sort();
        var last = Head;
        foreach (var (_, entry) in moments)
            last = Link(last, entry);
        Link(last, Head);
    }

    /// <summary>Before the first entry, and after the last.</summary>
    public int Head { get; }

    /// <summary>True if the entry is a completion: what is asked after it cannot come before it.</summary>
    public static bool IsCompletion(int entry) => (entry & 1) == 1;

    /// <summary>The entry after one.</summary>
    public int After(int entry) => _next[entry];

    /// <summary>Takes a step's entries out.</summary>
    public void Lift(int step)
    {
        Bridge(step * 2);
        if (_completes)
            Bridge(step * 2 + 1);
    }

    /// <summary>Puts back what was lifted last.</summary>
    public void PutBack(int step)
    {
        if (_completes)
            Restore(step * 2 + 1);
        Restore(step * 2);
    }

    private int Link(int from, int to)
    {
        _next[from] = to;
        _previous[to] = from;
        return to;
    }

    private void Bridge(int entry) => Link(_previous[entry], _next[entry]);

    private void Restore(int entry)
    {
        _next[_previous[entry]] = entry;
        _previous[_next[entry]] = entry;
    }
}
