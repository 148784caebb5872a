using System.Collections.Concurrent;
using Kvorum.Node;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Hosting;

/// <summary>
/// What the node tells, as log lines: changes of the metadata group for everyone, those of the many
/// partitions at debug level. The first fatal event ends the server.
/// </summary>
internal sealed class ServerEvents(string name, ILogger log) : INodeEvents
{
    private readonly ConcurrentDictionary<(string Keyspace, uint Partition), bool> _led = new();
    private readonly TaskCompletionSource<string> _fatal =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes with the message of the first fatal event.</summary>
    public Task<string> FirstFatal => _fatal.Task;

    /// <inheritdoc/>
    public void RoleChanged(string keyspace, uint partition, string role, ulong term, string leader)
    {
        bool leads = role == "leader";
        bool isMeta = keyspace == "system";
        bool led = _led.TryGetValue((keyspace, partition), out bool before) && before;
        _led[(keyspace, partition)] = leads;
        string loud = role.ToUpperInvariant();
        string successor = leader.Length > 0 ? leader : "unknown";
        if (led && !leads && isMeta)
            Log.MetaStepDown(log, keyspace, partition, name, term, successor);
        else if (led && !leads)
            Log.PartitionStepDown(log, keyspace, partition, name, term, successor);
        else if (isMeta)
            Log.MetaRole(log, keyspace, partition, name, loud, term);
        else
            Log.PartitionRole(log, keyspace, partition, name, loud, term);
    }

    /// <inheritdoc/>
    public void Note(string message) => Log.Note(log, message);

    /// <inheritdoc/>
    public void Fatal(string message, Exception? cause)
    {
        Log.Fatal(log, name, message, cause);
        _fatal.TrySetResult(cause is null ? message : $"{message}: {cause.Message}");
    }
}
