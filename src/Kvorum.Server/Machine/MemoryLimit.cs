using System.Globalization;

namespace Kvorum.Server.Machine;

/// <summary>How much memory this process may have, and what says so.</summary>
/// <param name="Bytes">Bytes.</param>
/// <param name="Source">For people: the file or the setting.</param>
public readonly record struct MemoryLimit(long Bytes, string Source)
{
    // What a control group of version 1 says where there is no limit: the largest multiple of a page.
    private const long Unlimited = 1L << 62;

    /// <summary>
    /// The least of what the machine has, what the control groups of this process allow (memory.max and
    /// memory.high, or memory.limit_in_bytes, of each group up to the root), and the address space it may
    /// use. Linux; elsewhere what the machine has.
    /// </summary>
    public static MemoryLimit OfThisProcess()
    {
        var physical = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (!OperatingSystem.IsLinux())
            return new(physical, "the machine's memory");
        return Least(ProcFiles.Text, physical);
    }

    /// <summary>The same of any machine, by what its files say.</summary>
    /// <param name="read">The text of a file; null if it is not there or cannot be read.</param>
    /// <param name="otherwise">Bytes where the machine's memory is not told.</param>
    internal static MemoryLimit Least(Func<string, string?> read, long otherwise)
    {
        var physical = ProcFiles.Kibibytes(read("/proc/meminfo"), "MemTotal:") is { } total
            ? total << 10 : otherwise;
        List<MemoryLimit> all = [new(physical, "the machine's memory"), .. OfGroups(read)];
        if (ProcFiles.HardLimit(read("/proc/self/limits"), "Max address space") is { } space)
        {
            // What is mapped and not resident (the runtime reserves much) takes of it, too.
            var status = read("/proc/self/status");
            var mapped = ProcFiles.Kibibytes(status, "VmSize:") ?? 0;
            var resident = ProcFiles.Kibibytes(status, "VmRSS:") ?? 0;
            all.Add(new(space - ((mapped - resident) << 10), "the limit of address space (ulimit -v)"));
        }

        return all.MinBy(static one => one.Bytes);
    }

    private static IEnumerable<MemoryLimit> OfGroups(Func<string, string?> read)
    {
        foreach (var (folder, isSecond) in ControlGroups.Of(read, "memory"))
        {
            string[] names = isSecond ? ["memory.max", "memory.high"] : ["memory.limit_in_bytes"];
            foreach (var path in names.Select(name => $"{folder}/{name}"))
            {
                var isNumber = long.TryParse(read(path), CultureInfo.InvariantCulture, out var bytes);
                if (isNumber && bytes < Unlimited)
                    yield return new(bytes, path);
            }
        }
    }
}
