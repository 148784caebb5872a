namespace Kvorum.Cli.CommandLine;

/// <summary>
/// Other spellings of the same command line: long flags with a single dash and underscores, as Go programs write them, and
/// flags before the verb. What is no known flag is left as it is, so that keys and values are never touched; nothing after
/// <c>--</c> is.
/// </summary>
internal static class Spelling
{
    private static readonly Dictionary<string, string> Aliases = new(StringComparer.Ordinal)
    {
        ["node"] = "id",
        ["raft-addr"] = "peer-addr",
        ["data-dir"] = "data",
    };

    private static readonly HashSet<string> Switches = new(StringComparer.Ordinal)
    {
        "json", "no-redirect", "lease-reads", "stdin", "keep", "help", "version", "until-stdin-ends",
    };

    private static readonly HashSet<string> Flags = new(StringComparer.Ordinal)
    {
        "id", "data", "wal", "snap-every", "addr", "http-addr", "peer-addr", "advertise-addr", "advertise-http-addr",
        "advertise-peer-addr", "peers", "partitions", "replication-factor", "virtual-nodes", "loops", "heartbeat",
        "election-timeout-min", "election-timeout-max", "tick", "peer-silence", "key-bytes-max", "value-bytes-max",
        "key-policy", "session-window", "session-records", "segment-bytes", "checkpoint-bytes", "shutdown-timeout",
        "log-level", "keyspace", "client", "req", "timeout", "consistency", "ttl", "if-version",
    };

    /// <summary>The arguments in the one spelling that the commands know.</summary>
    public static string[] Normalise(IReadOnlyList<string> args)
    {
        int end = Enumerable.Range(0, args.Count).FirstOrDefault(n => args[n] == "--", args.Count);
        List<string> spelled = [.. args.Take(end).Select(Spell)];
        int verb = FirstWord(spelled);
        if (verb > 0 && verb < spelled.Count)
        {
            // kvorum -addr X put k v: the verb goes first.
            string word = spelled[verb];
            spelled.RemoveAt(verb);
            spelled.Insert(0, word);
        }

        return [.. spelled, .. args.Skip(end)];
    }

    private static string Spell(string arg)
    {
        int dashes = arg.TakeWhile(c => c == '-').Count();
        if (dashes is not (1 or 2) || arg.Length < dashes + 2)
            return arg;
        int equals = arg.IndexOf('=', StringComparison.Ordinal);
        string name = (equals < 0 ? arg[dashes..] : arg[dashes..equals]).Replace('_', '-');
        name = Aliases.GetValueOrDefault(name, name);
        if (!Flags.Contains(name) && !Switches.Contains(name))
            return arg;
        return equals < 0 ? $"--{name}" : $"--{name}{arg[equals..]}";
    }

    private static int FirstWord(List<string> args)
    {
        int at = 0;
        while (at < args.Count && args[at].StartsWith("--", StringComparison.Ordinal))
        {
            bool takesNext = Flags.Contains(args[at][2..]);
            at += takesNext ? 2 : 1;
        }

        return at;
    }
}
