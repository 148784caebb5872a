namespace Kvorum.Raft;

/// <summary>A replica's part in its group (Raft section 5.1), with the pre-candidate of thesis 9.6.</summary>
public enum Role : byte
{
    /// <summary>Follows a leader, or waits for one.</summary>
    Follower,

    /// <summary>Asks the voters whether it could win an election.</summary>
    PreCandidate,

    /// <summary>Asks the voters for their votes.</summary>
    Candidate,

    /// <summary>Leads.</summary>
    Leader,
}
