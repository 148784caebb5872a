using System.Globalization;

namespace Kvorum.Server.Machine;

/// <summary>What Linux tells of a process in files of text (proc(5)).</summary>
internal static class ProcFiles
{
    /// <summary>The text of a file; null if it is not there or cannot be read.</summary>
    public static string? Text(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The number of KiB behind a name; null if it is not told.</summary>
    public static long? Kibibytes(string? text, string name)
    {
        foreach (var line in (text ?? "").AsSpan().EnumerateLines())
        {
            if (!line.StartsWith(name, StringComparison.Ordinal))
                continue;
            var number = line[name.Length..].Trim();
            number = number.EndsWith(" kB", StringComparison.Ordinal) ? number[..^3] : number;
            return long.TryParse(number, CultureInfo.InvariantCulture, out var kibibytes) ? kibibytes : null;
        }

        return null;
    }

    /// <summary>
    /// A hard limit of /proc/self/limits ("Max open files   1024   4096   files"); null if there is none.
    /// </summary>
    public static long? HardLimit(string? limits, string name)
    {
        foreach (var line in (limits ?? "").AsSpan().EnumerateLines())
        {
            if (!line.StartsWith(name, StringComparison.Ordinal))
                continue;
            var words = line[name.Length..].ToString()
                .Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return words.Length >= 2 && long.TryParse(words[1], CultureInfo.InvariantCulture, out var limit)
                ? limit : null;
        }

        return null;
    }
}
