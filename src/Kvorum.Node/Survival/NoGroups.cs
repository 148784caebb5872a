using Kvorum.Node.Membership;

namespace Kvorum.Node.Survival;

/// <summary>What the groups wrote does not matter.</summary>
internal sealed class NoGroups : IGroupReplay
{
    /// <inheritdoc/>
    public void Entry(GroupId group, ulong index, ReadOnlySpan<byte> payload)
    {
    }

    /// <inheritdoc/>
    public void State(GroupId group, ReadOnlySpan<byte> payload)
    {
    }
}
