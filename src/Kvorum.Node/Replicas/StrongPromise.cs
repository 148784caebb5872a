using Kvorum.Quorum;

namespace Kvorum.Node.Replicas;

/// <summary>
/// What a group that replicates by Raft promises, from the number of its voters. The sentences that users
/// read of strong keyspaces are made here.
/// </summary>
/// <param name="voters">The replicas that vote.</param>
/// <param name="learners">The replicas that do not.</param>
internal sealed class StrongPromise(int voters, int learners = 0)
{
    /// <summary>The voters that must have a write on disk, or confirm a leader.</summary>
    public int Needed => (voters / 2) + 1;

    /// <summary>Voters that may be away while writes and reads go on.</summary>
    public int Away => voters - Needed;

    /// <summary>Disks that may be lost at once with no acknowledged write lost.</summary>
    public int DisksLostWithoutLoss => Needed - 1;

    /// <summary>What goes on when none, one, two, to all of a record's replicas are lost at once.</summary>
    /// <remarks>The worst of them: those that vote are lost first.</remarks>
    public IReadOnlyList<ReplicaLoss> Losses() =>
    [
        .. Enumerable.Range(0, voters + learners + 1).Select(lost => new ReplicaLoss(
            lost, lost <= Away, lost <= Away, lost <= DisksLostWithoutLoss, lost < voters + learners)),
    ];

    /// <summary>The promise, a sentence each.</summary>
    public IReadOnlyList<string> Sentences() =>
    [
        $"Each record is kept by {Nodes(voters + learners)}, of which {voters} vote. A write is acknowledged "
            + $"when a majority of the voters, {Needed}, has it on disk.",
        "A linearizable read sees every write acknowledged before it began, because a majority confirms the "
            + "leader first. A stale read may be out of date by any time.",
        $"Acknowledged writes survive the loss of {Disks(DisksLostWithoutLoss)} at once.",
        $"Writes and reads go on while {Voters(Away)} away.",
        "At most one side of a network split can take writes for a key, or answer reads that are not stale.",
        "The writes of a key have one order, which all replicas follow: none is lost to another.",
    ];

    /// <summary>What is promised of one acknowledged write, a sentence each.</summary>
    public IReadOnlyList<string> OfWrite() =>
    [
        $"Committed: a majority of the {voters} voters has it on disk, which survives the loss of "
            + $"{Disks(DisksLostWithoutLoss)} at once.",
        "Each later linearizable read sees it, or a newer write.",
    ];

    private static string Nodes(int count) => count == 1 ? "1 node" : $"{count} nodes";

    private static string Voters(int count) => count switch
    {
        0 => "no voter is",
        1 => "1 of a record's voters is",
        _ => $"{count} of a record's voters are",
    };

    private static string Disks(int count) => count switch
    {
        0 => "no disk",
        1 => "1 disk",
        _ => $"{count} disks",
    };
}
