using Kvorum.Node.Membership;
using Kvorum.Raft;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Loops;

/// <summary>What loop 0 is to the introductions of peers.</summary>
internal sealed class AdmissionHost(NodeContext context, LoopGroup loops) : IAdmissionHost
{
    /// <inheritdoc/>
    public NodeWorld World => context.World;

    /// <inheritdoc/>
    public ClusterView Cluster => context.Cluster;

    /// <inheritdoc/>
    public PeerLogs PeerLogs => context.PeerLogs;

    /// <inheritdoc/>
    public ulong DurableSequence => context.Log.DurableSequence;

    /// <inheritdoc/>
    public long NowMs => loops.First.NowMs;

    /// <inheritdoc/>
    public void RunInBackground(Action work, Action<Exception?> done) =>
        loops.First.Jobs.RunInBackground(work, done);

    /// <inheritdoc/>
    public void Append(LogBatch batch, Action<Exception?> done) =>
        context.Log.Append(batch, (_, failure) => loops.First.Post(new LoopEvent.JobDone(done, failure)));

    /// <inheritdoc/>
    public void Accepted(NodeId peer) => loops.PostToAll(new LoopEvent.PeerUp(peer));

    /// <inheritdoc/>
    public void TakePart() => loops.PostToAll(new LoopEvent.TakePart());

    /// <inheritdoc/>
    public void TakeNoPart() => loops.PostToAll(new LoopEvent.TakeNoPart());
}
