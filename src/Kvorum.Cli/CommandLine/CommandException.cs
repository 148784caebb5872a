namespace Kvorum.Cli.CommandLine;

/// <summary>A command cannot do what was asked: what is told, and how it ends.</summary>
internal sealed class CommandException(string message, int code) : Exception(message)
{
    /// <summary>The exit code.</summary>
    public int Code => code;
}
