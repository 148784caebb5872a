using System.Globalization;

namespace Kvorum.Server.Machine;

/// <summary>How many more threads a control group allows this process, and what says so.</summary>
/// <param name="Left">Threads that may still be started.</param>
/// <param name="Limit">Processes and threads that the group may have.</param>
/// <param name="Source">The file.</param>
internal readonly record struct ThreadLimit(long Left, long Limit, string Source)
{
    /// <summary>The tightest of all groups up to the root; null if none has a limit. Linux only.</summary>
    public static ThreadLimit? OfThisProcess() => OperatingSystem.IsLinux() ? Tightest(ProcFiles.Text) : null;

    /// <summary>The same of any machine, by what its files say.</summary>
    internal static ThreadLimit? Tightest(Func<string, string?> read)
    {
        ThreadLimit? tightest = null;
        foreach (var (folder, _) in ControlGroups.Of(read, "pids"))
        {
            var path = $"{folder}/pids.max";
            if (long.TryParse(read(path), CultureInfo.InvariantCulture, out var limit)
                && long.TryParse(read($"{folder}/pids.current"), CultureInfo.InvariantCulture, out var used)
                && (tightest is null || limit - used < tightest.Value.Left))
                tightest = new(limit - used, limit, path);
        }

        return tightest;
    }
}
