namespace Kvorum.Storage;

/// <summary>What an operator can do where data of a node is damaged and its peers are whole.</summary>
public static class Remedy
{
    /// <summary>The node gets all of it from its peers, as another incarnation.</summary>
    public const string ReplaceNode = "Restore the node from its peers: stop it, move its data folder away, "
        + "and replace it (kvorum node replace).";

    /// <summary>The same where a start was refused.</summary>
    public const string AfterRefusal = "Nothing was changed. " + ReplaceNode;
}
