namespace Kvorum.Cli.CommandLine;

/// <summary>
/// Where commands find what nobody wants to type each time: environment variables, and behind them a file
/// with lines <c>NAME=value</c> of the same names. The file is $KVORUM_PROFILE, or ~/.config/kvorum/profile.
/// </summary>
internal static class Profile
{
    /// <summary>The variable that names the file.</summary>
    public const string FileVariable = "KVORUM_PROFILE";

    /// <summary>What a variable is set to; null or empty if it is not.</summary>
    /// <exception cref="CommandException">The file cannot be used.</exception>
    public static string? Get(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } set ? set
            : Read(Place()).GetValueOrDefault(variable);

    private static (string Path, bool IsNamed) Place()
    {
        if (Environment.GetEnvironmentVariable(FileVariable) is { Length: > 0 } named)
            return (named, true);
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return (Path.Combine(home, ".config", "kvorum", "profile"), false);
    }

    // One that is named must be there.
    private static Dictionary<string, string> Read((string Path, bool IsNamed) place)
    {
        Dictionary<string, string> found = new(StringComparer.Ordinal);
        string[] lines;
        try
        {
            if (!place.IsNamed && !File.Exists(place.Path))
                return found;
            lines = File.ReadAllLines(place.Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"the profile {place.Path} cannot be read: "
                + $"{e.Message}", ExitCode.Usage);
        }

        foreach (var (at, line) in lines.Index())
        {
            var text = line.Trim();
            if (text.Length == 0 || text[0] == '#')
                continue;
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || !text.StartsWith("KVORUM_", StringComparison.Ordinal))
            {
                throw new CommandException(
                    $"the profile {place.Path}, line {at + 1}: write NAME=value, such as "
                    + "KVORUM_ADDR=127.0.0.1:50051, or a comment that begins with #", ExitCode.Usage);
            }

            found[text[..equals].TrimEnd()] = text[(equals + 1)..].Trim();
        }

        if (found.ContainsKey("KVORUM_TOKEN") && !OperatingSystem.IsWindows()
            && (File.GetUnixFileMode(place.Path) & (UnixFileMode.GroupRead | UnixFileMode.OtherRead)) != 0)
        {
            throw new CommandException(
                $"the profile {place.Path} has a token, and others may read it: chmod 600 {place.Path}",
                ExitCode.Usage);
        }

        return found;
    }
}
