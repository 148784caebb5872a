using Kvorum.Protocol;

namespace Kvorum.Server;

/// <summary>What stands behind a served request, in the word that every front end shows.</summary>
internal static class ReplyAck
{
    /// <summary>On the disks, or confirmed with, a majority of the partition's voters.</summary>
    public const string Majority = "majority";

    /// <summary>
    /// On the disks of, or answered by, as many replicas as a quorum keyspace was asked for.
    /// </summary>
    public const string Quorum = "quorum";

    /// <summary>The word for a reply.</summary>
    public static string Of(Request request, Reply reply) => request switch
    {
        _ when reply.Stale => "none",
        _ when reply.Mode == ReplicationMode.Quorum => Quorum,
        ReadRequest { Consistency: ReadConsistency.Stale } => "none",
        ReadRequest { Consistency: ReadConsistency.Lease } => "lease",
        _ => Majority,
    };
}
