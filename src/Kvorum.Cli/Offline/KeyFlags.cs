using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Server.Hosting;
using Kvorum.Storage.Encryption;
using Kvorum.Storage.Keys;

namespace Kvorum.Cli.Offline;

/// <summary>
/// The master key, for commands on a data folder: the flags and variables of <c>kvorum start</c>.
/// </summary>
internal static class KeyFlags
{
    public const string FileName = "--master-key-file";
    public const string CommandName = "--master-key-command";
    private const string FileVariable = "MASTER_KEY_FILE";
    private const string CommandVariable = "MASTER_KEY_COMMAND";

    public static void AddTo(Command command)
    {
        command.Options.Add(Flag.Text(
            FileName, "files", "The master key of an encrypted folder; several with commas between. "
                + $"[env: {FileVariable}]", ""));
        command.Options.Add(Flag.Text(
            CommandName, "command", $"A program that prints it. [env: {CommandVariable}]", ""));
    }

    /// <summary>
    /// The keys; a <see cref="KeyException"/> says what is wrong with them. A flag wins over both variables.
    /// </summary>
    public static FolderKeys Read(ParseResult parsed)
    {
        var given = Options(parsed, "");
        return MasterKeySource.Load(given.MasterKeyFile, given.MasterKeyCommand, encrypts: true);
    }

    /// <summary>The same as settings of a node of that name.</summary>
    public static ServerOptions Options(ParseResult parsed, string id)
    {
        var (file, command) = (parsed.GetValue<string>(FileName)!, parsed.GetValue<string>(CommandName)!);
        return file.Length > 0 || command.Length > 0
            ? new() { Id = id, MasterKeyFile = file, MasterKeyCommand = command }
            : new()
            {
                Id = id,
                MasterKeyFile = Environment.GetEnvironmentVariable(FileVariable) ?? "",
                MasterKeyCommand = Environment.GetEnvironmentVariable(CommandVariable) ?? "",
            };
    }
}
