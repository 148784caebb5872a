using Kvorum.Node.Membership;
using Kvorum.Storage.Files;

namespace Kvorum.Node.Inspection;

/// <summary>
/// An operator's decision about a stopped node whose log lacks what others know of it (ADR 23): there is no
/// newer folder, and what is missing is given up, so the node may take part with the one that is there.
/// </summary>
public static class LossAcceptance
{
    /// <summary>
    /// Accepts the folder as it is. Returns what the others hold against it. A
    /// <see cref="NodeStartException"/> or <see cref="IOException"/> says why nothing was done.
    /// </summary>
    /// <param name="files">The data folder.</param>
    /// <param name="node">The name of the node, as a confirmation.</param>
    /// <param name="decision">A random number: each decision excuses the log once.</param>
    public static string Run(IFileSystem files, string node, ulong decision)
    {
        var identity = IdentityFile.Read(files);
        if (node != identity.NodeName)
            throw new NodeStartException($"the folder belongs to node {identity.NodeName}, not to {node}");
        if (identity.Lost is not { } lost)
            throw new NodeStartException("no other member holds anything against the log of this folder");
        identity.WriteAccepted(files, Math.Max(1, decision));
        return lost;
    }
}
