using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Storage.Files;
using Kvorum.Storage.Keys;

namespace Kvorum.Cli.Offline;

/// <summary>
/// The data folder of a node that does not run: held, so that no node starts on it meanwhile, and not
/// changed.
/// </summary>
internal sealed class OfflineFolder : IDisposable
{
    private readonly IDisposable? _lock;

    private OfflineFolder(IFileSystem files, IDisposable? held) => (Files, _lock) = (files, held);

    /// <summary>The folder.</summary>
    public IFileSystem Files { get; }

    /// <summary>--data of the commands that need no running node.</summary>
    public static Option<string> Flag(string description) => new("--data")
    {
        Description = description,
        HelpName = "folder",
        Required = true,
    };

    /// <summary>
    /// Runs the command on the folder. Without the folder, or while a node holds it, that is wrong use.
    /// </summary>
    public static async Task<int> Run(ParseResult parsed, string path, Func<OfflineFolder, Task<int>> command)
    {
        OfflineFolder folder;
        try
        {
            folder = Open(parsed, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await Tell(parsed, e.Message).ConfigureAwait(false);
            return ExitCode.Usage;
        }

        using (folder)
            return await command(folder).ConfigureAwait(false);
    }

    /// <summary>One line about what went wrong.</summary>
    public static Task Tell(ParseResult parsed, string what) => parsed.InvocationConfiguration.Error
        .WriteLineAsync($"{Mistakes.NameOf(parsed.CommandResult.Command)}: {what}");

    /// <summary>
    /// Holds a folder. An <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> if it is not
    /// there, a node holds it, or it is encrypted with another key.
    /// </summary>
    public static OfflineFolder Open(ParseResult parsed, string path)
    {
        FolderAccess.Check(path);
        var keys = KeyFlags.Read(parsed);
        var files = new DiskFileSystem(path);
        IDisposable? held;
        try
        {
            held = files.LockFolderUnchanged("");
        }
        catch (IOException e)
        {
            throw new IOException($"{e.Message.TrimEnd('.')}. Stop the node first.", e);
        }

        try
        {
            return new(KeyFile.OpenAsFound(files, keys), held);
        }
        catch
        {
            held?.Dispose();
            throw;
        }
    }

    public void Dispose() => _lock?.Dispose();
}
