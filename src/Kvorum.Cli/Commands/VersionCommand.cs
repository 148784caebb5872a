using System.CommandLine;
using System.Reflection;
using Kvorum.Cli.CommandLine;

namespace Kvorum.Cli.Commands;

/// <summary><c>kvorum version</c>: the same as <c>kvorum --version</c>.</summary>
internal static class VersionCommand
{
    /// <summary>The version that the program was built as.</summary>
    public static string Version { get; } = typeof(VersionCommand).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    public static Command Create()
    {
        var command = new Command("version", "Prints the version of this program.");
        command.SetAction(async (parsed, _) =>
        {
            await parsed.InvocationConfiguration.Output.WriteLineAsync(Version).ConfigureAwait(false);
            return ExitCode.Ok;
        });
        return command;
    }
}
