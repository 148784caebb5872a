using Kvorum.Node.Leaderless;
using Kvorum.Node.Membership;
using Kvorum.Storage.Log;

namespace Kvorum.Node.Loops;

/// <summary>
/// Keeps the ceiling of the hybrid clock in the log ahead of the versions that the node gives, while there is
/// a quorum keyspace. Owned by loop 0.
/// </summary>
internal sealed class CeilingRounds(NodeContext context, Inbox inbox)
{
    private VersionClock Versions => context.Versions;

    /// <summary>Writes the next ceiling if one is due.</summary>
    public void Tick()
    {
        // A ceiling that a wrong clock has raised would hold for ever.
        if (!context.Cluster.HasQuorumKeyspaces || context.RecordWallMs is not { } wallMs
            || Versions.BeginCeiling(wallMs) is not { } ceiling)
            return;
        var batch = new LogBatch();
        NodeRecords.Add(batch, ceiling);
        context.Log.Append(batch, (_, failure) => inbox.Post(new LoopEvent.JobDone(
            error =>
            {
                if (error is not null)
                    throw new NodeFaultException($"the log could not be written: {error.Message}", error);
                Versions.EndCeiling(ceiling);
            },
            failure)));
    }
}
