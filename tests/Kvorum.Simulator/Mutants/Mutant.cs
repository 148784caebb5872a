namespace Kvorum.Simulator.Mutants;

/// <summary>
/// A classic bug, as lines of the sources to replace. It proves that the simulator would find it.
/// <code>
/// mutant = what the bug is, one line
///          "found by: " sim, quorums, rights or groups
///          (path of a source file, one line; change+)+
/// change = ("- " line of the source)+ ("+ " line to stand there instead)+
/// </code>
/// Lines are compared without the blanks around them; each must be found exactly once.
/// </summary>
/// <param name="Name">The name of its file.</param>
/// <param name="What">What the bug is.</param>
/// <param name="FoundBy">Which program must find it.</param>
/// <param name="Changes">What is replaced, in which files.</param>
internal sealed record Mutant(string Name, string What, Searcher FoundBy, IReadOnlyList<MutantChange> Changes)
{
    /// <summary>
    /// Reads all mutants of a folder, by name; a <see cref="FormatException"/> says what is wrong.
    /// </summary>
    public static IReadOnlyList<Mutant> ReadAll(string folder) =>
    [
        .. Directory.EnumerateFiles(folder, "*.mutant").Order(StringComparer.Ordinal)
            .Select(file => Read(Path.GetFileNameWithoutExtension(file), File.ReadAllLines(file))),
    ];

    /// <summary>Reads one mutant.</summary>
    public static Mutant Read(string name, IReadOnlyList<string> lines)
    {
        if (lines.Count < 5)
            throw new FormatException($"{name}: too short");
        var searcher = lines[1] switch
        {
            "found by: sim" => Searcher.Simulator,
            "found by: quorums" => Searcher.Quorums,
            "found by: rights" => Searcher.Rights,
            "found by: groups" => Searcher.Groups,
            _ => throw new FormatException(
                $"{name}: line 2 is not 'found by:' sim, quorums, rights or groups"),
        };
        return new(name, lines[0], searcher, ReadChanges(name, lines));
    }

    private static List<MutantChange> ReadChanges(string name, IReadOnlyList<string> lines)
    {
        var changes = new List<MutantChange>();
        var path = "";
        List<string> old = [], fresh = [];
        for (var i = 2; i < lines.Count; i++)
        {
            var line = lines[i];
            var (isOld, isFresh) = (IsMarked(line, '-'), IsMarked(line, '+'));
            if (old.Count > 0 && (isOld ? fresh.Count > 0 : !isFresh))
            {
                changes.Add(new(path, old, fresh));
                (old, fresh) = ([], []);
            }

            if (isOld)
                old.Add(line[2..].Trim());
            else if (isFresh)
                fresh.Add(line[2..]);
            else
                path = line;
        }

        if (old.Count == 0 || path.Length == 0)
            throw new FormatException($"{name}: it changes nothing");
        changes.Add(new(path, old, fresh));
        return changes;
    }

    private static bool IsMarked(string line, char mark) =>
        line.Length > 1 && line[0] == mark && line[1] == ' ';
}
