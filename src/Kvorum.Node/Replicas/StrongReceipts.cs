using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Replicas;

/// <summary>Receipts of strong keyspaces, from what the leader's core has counted. Owned by the node loop.
/// </summary>
internal sealed class StrongReceipts(IReplicaHost host, ReplicaParts parts)
{
    private readonly RaftNode _raft = parts.Raft;

    private int Voters => _raft.Configuration.Voters.Count;

    private string Self => host.Cluster.Members.NameOf(_raft.Id);

    /// <summary>Of a write that is applied.</summary>
    /// <param name="index">Its position in the log.</param>
    public Receipt OfWrite(ulong index) => Make(NamesOf(_raft.HoldersOf(new(index))), index, 0,
    [
        $"Committed: a majority of the {Voters} voters has it on disk, which survives the loss of "
            + $"{Disks((Voters - 1) / 2)} at once.",
        "Each later linearizable read sees it, or a newer write.",
    ]);

    /// <summary>Of a read that was served here.</summary>
    public Receipt OfRead(ReadConsistency consistency)
    {
        var index = parts.Tree.AppliedIndex;
        return consistency switch
        {
            ReadConsistency.Stale => Make(
                [Self], index, stalenessMs: null, ["It may be out of date by any time, as asked for."],
                needed: 1),
            ReadConsistency.Lease when host.Options.LeaseReads => Make([Self], index, 0,
            [
                "By the leader's lease: it saw every write acknowledged before it began, while no clock runs "
                    + "faster than another by more than a tenth.",
            ],
            needed: 1),
            _ => Make(NamesOf(_raft.Confirmers), index, 0,
            [
                "Linearizable: it saw every write acknowledged before it began, because a majority confirmed "
                    + "the leader after that.",
            ]),
        };
    }

    private Receipt Make(
        IReadOnlyList<string> nodes, ulong index, ulong? stalenessMs, IReadOnlyList<string> promise,
        int needed = 0) => new()
        {
            Mode = ReplicationMode.Strong,
            Nodes = nodes,
            Needed = needed > 0 ? needed : (Voters / 2) + 1,
            Replicas = Voters,
            IsDurable = true,
            Index = index,
            StalenessMs = stalenessMs,
            Promise = promise,
        };

    // It led until just now: what it knows for certain is its own disk.
    private IReadOnlyList<string> NamesOf(IReadOnlyList<NodeId> nodes) =>
        nodes.Count == 0 ? [Self] : [.. nodes.Select(host.Cluster.Members.NameOf)];

    private static string Disks(int count) => count switch
    {
        0 => "no disk",
        1 => "1 disk",
        _ => $"{count} disks",
    };
}
