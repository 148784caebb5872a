namespace Kvorum.Cli.OwnProcess;

/// <summary>Whether this process is Kvorum's own, or a host's that embeds it.</summary>
internal static class OwnProgram
{
    /// <summary>True in the kvorum program on Linux, where a process can be told more.</summary>
    public static bool IsOnLinux { get; } =
        OperatingSystem.IsLinux() && Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "kvorum";
}
