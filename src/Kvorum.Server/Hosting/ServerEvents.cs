using System.Collections.Concurrent;
using Kvorum.Node;
using Kvorum.Node.Events;
using Kvorum.Protocol;
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
    public void Tell(NodeEvent happened)
    {
        switch (happened)
        {
            case RoleChanged role:
                TellRole(role);
                break;
            case NodeFailed failed:
                Log.Fatal(log, name, failed.Message, failed.Cause);
                _fatal.TrySetResult(NodeEventText.Of(failed));
                break;
            default:
                log.Log(
                    happened.IsWarning ? LogLevel.Warning : LogLevel.Information,
                    new EventId(happened.Id, happened.GetType().Name), happened, null,
                    static (told, _) => NodeEventText.Of(told));
                break;
        }
    }

    /// <summary>A thread of the host cannot go on.</summary>
    public void Fatal(string message, Exception? cause) => Tell(new NodeFailed(message, cause));

    private void TellRole(RoleChanged role)
    {
        var (keyspace, partition) = (role.Keyspace, role.Partition.Value);
        var leads = role.Role == "leader";
        var isMeta = keyspace == KeyspaceName.System;
        var led = _led.TryGetValue((keyspace, partition), out var before) && before;
        _led[(keyspace, partition)] = leads;
        var loud = role.Role.ToUpperInvariant();
        var successor = role.Leader.Length > 0 ? role.Leader : "unknown";
        if (led && !leads && isMeta)
            Log.MetaStepDown(log, keyspace, partition, name, role.Term, successor);
        else if (led && !leads)
            Log.PartitionStepDown(log, keyspace, partition, name, role.Term, successor);
        else if (isMeta)
            Log.MetaRole(log, keyspace, partition, name, loud, role.Term);
        else
            Log.PartitionRole(log, keyspace, partition, name, loud, role.Term);
    }
}
