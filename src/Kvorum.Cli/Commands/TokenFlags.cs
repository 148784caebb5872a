using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Client;

namespace Kvorum.Cli.Commands;

/// <summary>
/// Who a command is towards a cluster that enforces rights. A token itself is no flag: everybody on the
/// machine could read it among the processes.
/// </summary>
internal sealed class TokenFlags
{
    private const string TokenVariable = "KVORUM_TOKEN";
    private const string FileVariable = "KVORUM_TOKEN_FILE";

    private readonly Option<string> _file = new("--token-file")
    {
        Description = "A file with the API key or token to show; the environment variable "
            + $"{TokenVariable} has the token itself. [env: {FileVariable}]",
        HelpName = "file",
        DefaultValueFactory = static _ => Profile.Get(FileVariable) ?? "",
    };

    public void AddTo(Command command) => command.Options.Add(_file);

    /// <summary>What is shown; null for nothing. <see cref="ArgumentException"/> if it cannot be.</summary>
    public KvorumCredential? Read(ParseResult parsed)
    {
        var isGiven = parsed.GetResult(_file) is { Implicit: false };
        if (!isGiven && Profile.Get(TokenVariable) is { Length: > 0 } token)
            return KvorumCredential.FromToken(token);
        var path = parsed.GetValue(_file)!;
        if (path.Length == 0)
            return null;
        try
        {
            return KvorumCredential.FromToken(File.ReadAllText(path).Trim());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ArgumentException($"--token-file {path} cannot be read: {e.Message}", e);
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException($"--token-file {path}: {e.Message}", e);
        }
    }
}
