using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Node.Survival;
using Kvorum.Protocol;
using Kvorum.Server.Audit;
using Kvorum.Storage.Files;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Hosting;

/// <summary>
/// Tells the cluster that this node has an order of <c>kvorum user recover</c> in its data folder, until it
/// is done or can never be. Any thread.
/// </summary>
internal sealed class AccessRecoveryRounds(
    INode node, IFileSystem files, string self, AuditLog? audit, ILogger log) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _stop = new();
    private volatile string? _waits;
    private CancellationToken _stopped;

    /// <summary>What an operator should know; null if there is nothing.</summary>
    public string? HealthIssue => _waits is { } why ? $"kvorum user recover: {why}" : null;

    /// <summary>Begins, if there is an order.</summary>
    public void Start()
    {
        try
        {
            _stopped = _stop.Token;
            if (AccessOrder.Find(files) is { } order)
                _ = Run(order);
        }
        catch (Exception e) when (e is FormatException or IOException)
        {
            GiveUp($"{AccessOrder.FileName} cannot be used: {e.Message}");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    private async Task Run(AccessOrder order)
    {
        Log.AccessOrdered(log, order.Id, order.InWords());
        audit?.Record(Entry(order, AuditResult.Unknown, "it is in this node's data folder"));
        while (!_stopped.IsCancellationRequested)
        {
            var reply = await Ask(order).ConfigureAwait(false);
            switch (reply.Status)
            {
                case ReplyStatus.Ok:
                    Done(order);
                    return;
                case ReplyStatus.InvalidArgument:
                    audit?.Record(Entry(order, AuditResult.Refused, reply.Message));
                    GiveUp($"{reply.Message}. Remove {AccessOrder.FileName} from the data folder");
                    return;
                default:
                    if (_waits != reply.Message)
                        Log.AccessOrderWaits(log, order.Id, _waits = reply.Message);
                    break;
            }

            await Task.Delay(Pause, _stopped).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task<AdminReply> Ask(AccessOrder order) => node.AdministerAsync(
        new ConfirmAccess(order.Id, order.ClusterId)
        {
            User = order.User,
            KeyId = order.KeyId,
            KeyHash = order.KeyHash,
            RightsOff = order.RightsOff,
            ExpiresMs = order.ExpiresMs,
            By = $"kvorum user recover, on the disk of {self} and a majority",
        },
        Patience, CancellationToken.None);

    private void Done(AccessOrder order)
    {
        _waits = null;
        Log.AccessRecovered(log, order.Id, order.InWords());
        audit?.Record(Entry(order, AuditResult.Ok, order.InWords()));
        try
        {
            AccessOrder.Forget(files);
        }
        catch (IOException e)
        {
            GiveUp($"it is done, and {AccessOrder.FileName} cannot be removed: {e.Message}");
        }
    }

    private void GiveUp(string why)
    {
        _waits = why;
        Log.AccessOrderRefused(log, why);
    }

    private static AuditEvent Entry(AccessOrder order, AuditResult result, string reason) =>
        new("recover_users", result) { On = $"order {order.Id}", Reason = reason };
}
