namespace Kvorum.Raft;

/// <summary>The outcome of a proposal.</summary>
public enum ProposeOutcome : byte
{
    /// <summary>Appended to the leader's log; it may yet be lost with the leadership.</summary>
    Accepted,

    /// <summary>This replica does not lead.</summary>
    NotLeader,

    /// <summary>Too much is uncommitted already; nothing was appended.</summary>
    Overloaded,

    /// <summary>A leadership transfer is under way; nothing was appended.</summary>
    Transferring,

    /// <summary>
    /// A configuration change is under way, or this one does not apply to the configuration; nothing was
    /// appended.
    /// </summary>
    Refused,
}

/// <summary>The answer to a proposal: where it stands in the log, if accepted.</summary>
public readonly record struct ProposeResult(ProposeOutcome Outcome, LogIndex Index, Term Term);
