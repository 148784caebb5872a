namespace Kvorum.Simulator.Mutants;

/// <summary>Lines of one file and what stands there instead.</summary>
internal sealed record MutantChange(string Path, IReadOnlyList<string> Old, IReadOnlyList<string> Fresh)
{
    /// <summary>
    /// The text with the lines replaced; an <see cref="InvalidDataException"/> if they are not there exactly
    /// once.
    /// </summary>
    public string ApplyTo(string text)
    {
        var lines = text.Split('\n').ToList();
        var places = Enumerable.Range(0, Math.Max(0, lines.Count - Old.Count + 1))
            .Where(at => Old.Select((line, i) => lines[at + i].Trim() == line).All(same => same))
            .ToArray();
        if (places.Length != 1)
            throw new InvalidDataException($"{Path}: found {places.Length} times, not once: {Old[0]}");
        lines.RemoveRange(places[0], Old.Count);
        lines.InsertRange(places[0], Fresh);
        return string.Join('\n', lines);
    }
}
