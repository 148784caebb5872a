namespace Kvorum.Protocol;

/// <summary>The names of keyspaces that every cluster has.</summary>
public static class KeyspaceName
{
    /// <summary>The keyspace of requests that name none.</summary>
    public const string Default = "default";

    /// <summary>
    /// What reports call the keyspace of the metadata group. No request can reach it.
    /// </summary>
    public const string System = "system";
}
