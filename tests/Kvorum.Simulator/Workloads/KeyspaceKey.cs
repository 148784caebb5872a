using Kvorum.Protocol;

namespace Kvorum.Simulator.Workloads;

/// <summary>
/// What the history calls a key: keys of other keyspaces than the default one carry its name.
/// </summary>
internal static class KeyspaceKey
{
    private const char Between = '|';

    /// <summary>The name of a key in the history.</summary>
    public static string Of(string keyspace, string key) =>
        keyspace == KeyspaceName.Default ? key : $"{keyspace}{Between}{key}";

    /// <summary>The keyspace and the key of a name in the history.</summary>
    public static (string Keyspace, string Key) Read(string name) =>
        name.Split(Between) is [var keyspace, var key] ? (keyspace, key) : (KeyspaceName.Default, name);
}
