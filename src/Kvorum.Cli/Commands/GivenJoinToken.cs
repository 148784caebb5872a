using Kvorum.Cli.CommandLine;
using Kvorum.Server.Certificates;

namespace Kvorum.Cli.Commands;

/// <summary>
/// The join token of <c>kvorum start</c>. It is no flag: everybody on the machine could read it among the
/// processes.
/// </summary>
internal static class GivenJoinToken
{
    /// <summary>The variable that has the token.</summary>
    public const string Variable = "KVORUM_JOIN_TOKEN";

    /// <summary>The variable that names a file with it.</summary>
    public const string FileVariable = "KVORUM_JOIN_TOKEN_FILE";

    /// <summary>
    /// The token; null if none is given. <see cref="CommandException"/> if it cannot be read, without a word
    /// of it.
    /// </summary>
    /// <param name="isGiven">True if the flag is on the command line.</param>
    /// <param name="path">What it says.</param>
    /// <param name="environment">The value of a variable; null if it is not set.</param>
    public static JoinToken? Read(bool isGiven, string path, Func<string, string?> environment)
    {
        var from = "--join-token-file";
        try
        {
            if (!isGiven && environment(Variable) is { Length: > 0 } token)
            {
                from = $"environment variable {Variable}";
                return JoinToken.Parse(token);
            }

            if (!isGiven && environment(FileVariable) is { Length: > 0 } named)
                (path, from) = (named, $"environment variable {FileVariable}");
            return path.Length == 0 ? null : JoinToken.Parse(File.ReadAllText(path));
        }
        catch (FormatException e)
        {
            throw new CommandException($"{from}: {e.Message}", ExitCode.Usage);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"{from} {path} cannot be read: {e.Message}", ExitCode.Usage);
        }
    }
}
