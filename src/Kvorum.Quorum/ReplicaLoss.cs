namespace Kvorum.Quorum;

/// <summary>What goes on when so many of a record's replicas are lost at once.</summary>
/// <param name="Lost">Replicas that are away or, for the last two, whose disks are lost for good.</param>
/// <param name="WritesGoOn">Writes are taken.</param>
/// <param name="ReadsGoOn">Reads are answered.</param>
/// <param name="KeepsAcknowledged">A write that was just acknowledged is not lost.</param>
/// <param name="KeepsRepaired">A write that repair has brought to all replicas is not lost.</param>
public readonly record struct ReplicaLoss(
    int Lost, bool WritesGoOn, bool ReadsGoOn, bool KeepsAcknowledged, bool KeepsRepaired);
