using System.CommandLine;

namespace Kvorum.Cli.CommandLine;

/// <summary>
/// Other spellings of the same command line: long flags with a single dash and underscores, as Go programs
/// write them, and flags before the verb. What is no known flag is left as it is, so that keys and values are
/// never touched; nothing after <c>--</c> is.
/// </summary>
internal static class Spelling
{
    private static readonly Dictionary<string, string> Aliases = new(StringComparer.Ordinal)
    {
        ["node"] = "id",
        ["raft-addr"] = "peer-addr",
        ["data-dir"] = "data",
    };

    /// <summary>The arguments in the one spelling that the commands know.</summary>
    /// <param name="root">All commands: their flags are the known ones.</param>
    /// <param name="args">What was given.</param>
    public static string[] Normalise(RootCommand root, IReadOnlyList<string> args)
    {
        Dictionary<string, bool> takesValue = new(StringComparer.Ordinal);
        foreach (var option in All(root).SelectMany(command => command.Options))
            takesValue[option.Name] = option.Arity.MaximumNumberOfValues > 0
                && option.ValueType != typeof(bool);
        var end = Enumerable.Range(0, args.Count).FirstOrDefault(n => args[n] == "--", args.Count);
        List<string> spelled = [.. args.Take(end).Select(arg => Spell(takesValue, arg))];
        var verb = FirstWord(takesValue, spelled);
        if (verb > 0 && verb < spelled.Count)
        {
            // kvorum -addr X put k v: the verb goes first.
            var word = spelled[verb];
            spelled.RemoveAt(verb);
            spelled.Insert(0, word);
        }

        return [.. spelled, .. args.Skip(end)];
    }

    private static IEnumerable<Command> All(Command command) =>
        [command, .. command.Subcommands.SelectMany(All)];

    private static string Spell(Dictionary<string, bool> known, string arg)
    {
        var dashes = arg.TakeWhile(c => c == '-').Count();
        if (dashes is not (1 or 2) || arg.Length < dashes + 2)
            return arg;
        var equals = arg.IndexOf('=', StringComparison.Ordinal);
        var name = (equals < 0 ? arg[dashes..] : arg[dashes..equals]).Replace('_', '-');
        name = Aliases.GetValueOrDefault(name, name);
        if (!known.ContainsKey($"--{name}"))
            return arg;
        return equals < 0 ? $"--{name}" : $"--{name}{arg[equals..]}";
    }

    private static int FirstWord(Dictionary<string, bool> takesValue, List<string> args)
    {
        var at = 0;
        while (at < args.Count && args[at].StartsWith("--", StringComparison.Ordinal))
            at += takesValue.GetValueOrDefault(args[at]) ? 2 : 1;
        return at;
    }
}
