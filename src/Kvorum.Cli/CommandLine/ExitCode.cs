namespace Kvorum.Cli.CommandLine;

/// <summary>What the program tells its caller.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Ok = 0;

    /// <summary>Asked rightly, but not done: absent key, failed call, server that could not start.</summary>
    public const int NotOk = 1;

    /// <summary>Asked wrongly.</summary>
    public const int Usage = 2;

    /// <summary>Done, but standard output did not take all that was to be printed.</summary>
    public const int NotPrinted = 3;
}
