using Kvorum.Quorum;

namespace Kvorum.Node.Leaderless.Hints;

/// <summary>
/// Hands hints of one partition over to the replicas that are to have them, and ends when each has answered
/// for each, or one will not. Owned by the node loop.
/// </summary>
/// <param name="host">The loop.</param>
/// <param name="group">The partition.</param>
/// <param name="nodes">Its replicas.</param>
/// <param name="targets">Those that are to have the hints.</param>
/// <param name="hints">The hints.</param>
/// <param name="patienceMs">How long it waits for the next answer, before it is given up.</param>
/// <param name="done">Told once: true if all have all of them, as far as they take writes so old.</param>
internal sealed class HandOver(
    ICoordinatorHost host, GroupId group, ReplicaNodes nodes, ReplicaMask targets,
    IReadOnlyList<Hint> hints, long patienceMs, Action<bool> done)
    : Operation(host, group, nodes, host.NowMs + patienceMs)
{
    private int _left = hints.Count * targets.Count;
    private bool _isOver;

    /// <inheritdoc/>
    public override bool IsOver => _isOver;

    /// <inheritdoc/>
    public override void Begin()
    {
        foreach (var hint in hints)
            Ask(targets, QuorumAsk.Store, hint.Command);
    }

    /// <inheritdoc/>
    public override void Sweep()
    {
        if (Host.NowMs >= EndMs)
            End(isHandedOver: false);
    }

    /// <inheritdoc/>
    protected override void Answered(int node, in QuorumAnswer answer)
    {
        EndMs = Host.NowMs + patienceMs;
        // Behind the horizon: all replicas have it, or something newer.
        if (answer.Refusal is not (null or RefusalReason.BehindHorizon))
            End(isHandedOver: false);
        else if (--_left == 0)
            End(isHandedOver: true);
    }

    /// <inheritdoc/>
    protected override void Lost(int node)
    {
        if (targets.Contains(node))
            End(isHandedOver: false);
    }

    private void End(bool isHandedOver)
    {
        if (_isOver)
            return;
        _isOver = true;
        done(isHandedOver);
    }
}
