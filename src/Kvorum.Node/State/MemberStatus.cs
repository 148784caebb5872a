namespace Kvorum.Node.State;

/// <summary>What the cluster wants of a member. Values are stored: never renumber.</summary>
public enum MemberStatus : byte
{
    /// <summary>It holds replicas as its weight says.</summary>
    Active = 1,

    /// <summary>It is being emptied, stays a member, and gets nothing new.</summary>
    Draining = 2,

    /// <summary>It is being emptied, and is removed as soon as it is.</summary>
    Leaving = 3,

    /// <summary>
    /// Its data is lost: other nodes get what it had, it is heard no more, and it never comes back.
    /// </summary>
    Lost = 4,

    /// <summary>It is no member any more. Its id is never used again.</summary>
    Removed = 5,
}
