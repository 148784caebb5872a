namespace Kvorum.Cli.Chaos;

/// <summary>What is done to the nodes.</summary>
internal enum FaultKind
{
    /// <summary>kill -9, and a new start some time later.</summary>
    Kill,

    /// <summary>SIGSTOP for longer than leases and election timeouts last, then SIGCONT.</summary>
    Pause,

    /// <summary>The network between nodes is cut, in one direction or both.</summary>
    Split,
}
