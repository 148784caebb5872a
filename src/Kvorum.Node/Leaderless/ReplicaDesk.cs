using Kvorum.Quorum;
using Kvorum.Raft;

namespace Kvorum.Node.Leaderless;

/// <summary>
/// Answers what coordinators, on other nodes or on this one, ask of this loop's replicas. Owned by the loop.
/// </summary>
/// <param name="find">The replica of a group; null if there is none.</param>
/// <param name="versions">The node's hybrid clock.</param>
/// <param name="wallMs">This node's wall clock, in Unix milliseconds.</param>
/// <param name="keepHint">Keeps a hint; told whether it is durable.</param>
/// <param name="send">Sends an answer to a node, this one as well.</param>
internal sealed class ReplicaDesk(
    Func<GroupId, QuorumReplica?> find, Func<VersionClock> versions, Func<long> wallMs,
    Action<Hint, Action<bool>> keepHint, Action<NodeId, QuorumAnswer> send)
{
    /// <summary>A coordinator asks.</summary>
    public void Take(NodeId from, in QuorumRequest request)
    {
        if (request.Kind == QuorumAsk.Hint)
        {
            Keep(from, request);
            return;
        }

        if (find(request.Group) is not { } replica)
        {
            Refuse(from, request, RefusalReason.NoReplica);
            return;
        }

        if (replica.IsStale(new(request.Epoch)))
        {
            Refuse(from, request, RefusalReason.StaleEpoch);
            return;
        }

        switch (request.Kind)
        {
            case QuorumAsk.Store when !versions().Observe(StoreCommand.Read(request.Bytes).Version, wallMs()):
                Refuse(from, request, RefusalReason.ClockTooFarAhead);
                break;
            case QuorumAsk.Store:
                Store(from, request, replica);
                break;
            case QuorumAsk.Read:
                Read(from, request, replica);
                break;
            default:
                Recall(from, request, replica);
                break;
        }
    }

    /// <summary>A replica has stored a record, or refuses.</summary>
    public void Stored(StoreTicket ticket, StoreAnswer answer)
    {
        if (ticket.Id != 0)
        {
            send(ticket.From, new QuorumAnswer(QuorumAsk.Store, ticket.Id, answer.Refusal)
            {
                Result = answer.Result,
            });
        }
    }

    private void Keep(NodeId from, QuorumRequest request)
    {
        var hint = new Hint(request.For, request.Group, request.Bytes);
        if (!versions().Observe(hint.Version, wallMs()))
        {
            Refuse(from, request, RefusalReason.ClockTooFarAhead);
            return;
        }

        keepHint(hint, isKept => send(from, new QuorumAnswer(
            QuorumAsk.Hint, request.Id, isKept ? null : RefusalReason.Full)));
    }

    private void Store(NodeId from, in QuorumRequest request, QuorumReplica replica)
    {
        // Repair wants no answer.
        var source = request.Id == 0 ? RecordSource.Repair : RecordSource.Write;
        if (replica.Take(new(from, request.Id), request.Bytes, source) is { } refusal)
            Refuse(from, request, refusal);
    }

    private void Read(NodeId from, in QuorumRequest request, QuorumReplica replica)
    {
        if (!replica.MayAnswer || !replica.TryRead(request.Bytes.Span, out var record))
        {
            Refuse(from, request, RefusalReason.Damaged);
            return;
        }

        send(from, new QuorumAnswer(QuorumAsk.Read, request.Id, Refusal: null)
        {
            Record = request.WantsValue || record is null ? record : record.Value with { Value = default },
            IsWhole = request.WantsValue,
        });
    }

    private void Recall(NodeId from, in QuorumRequest request, QuorumReplica replica)
    {
        if (!replica.MayAnswer || !replica.TryRecall(
            request.Bytes.Span, request.RequestId, out var version, out var isForgotten))
        {
            Refuse(from, request, RefusalReason.Damaged);
            return;
        }

        send(from, new QuorumAnswer(QuorumAsk.Recall, request.Id, Refusal: null)
        {
            Version = version ?? RecordVersion.None,
            IsForgotten = isForgotten,
        });
    }

    private void Refuse(NodeId from, in QuorumRequest request, RefusalReason reason)
    {
        if (request.Id != 0)
            send(from, new QuorumAnswer(request.Kind, request.Id, reason));
    }
}
