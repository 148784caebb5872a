namespace Kvorum.Node.Membership;

/// <summary>What a group has written into the log, in the order of the log, as a start reads it.</summary>
internal interface IGroupReplay
{
    /// <summary>An entry record.</summary>
    void Entry(GroupId group, ulong index, ReadOnlySpan<byte> payload);

    /// <summary>The newest state of a group so far; later calls replace earlier ones.</summary>
    void State(GroupId group, ReadOnlySpan<byte> payload);
}
