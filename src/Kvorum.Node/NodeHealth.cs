namespace Kvorum.Node;

/// <summary>Whether a node serves.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="NotReadyReason">
/// Why it does not serve, for people ("1 of 3 nodes up, need 2"); empty if it does.
/// </param>
public sealed record NodeHealth(string Name, string NotReadyReason)
{
    /// <summary>True if every partition has a known leader.</summary>
    public bool IsReady => NotReadyReason.Length == 0;
}
