using Kvorum.Node.Placement;

namespace Kvorum.Node.State;

/// <summary>A member as the metadata group knows it.</summary>
/// <param name="Name">Its name; may be empty.</param>
/// <param name="PeerAddress">Where other nodes reach it.</param>
/// <param name="ClientAddress">Where gRPC and native clients reach it.</param>
/// <param name="HttpAddress">Where HTTP clients reach it.</param>
internal sealed record MemberRecord(
    string Name, string PeerAddress, string ClientAddress, string HttpAddress)
{
    /// <summary>What fails together with it.</summary>
    public string Zone { get; init; } = "";

    /// <summary>What it carries in proportion to others, see <see cref="RingMember"/>.</summary>
    public int Weight { get; init; } = RingMember.Ordinary;

    /// <summary>What the cluster wants of it. The node itself never says it.</summary>
    public MemberStatus Status { get; init; } = MemberStatus.Active;

    /// <summary>True while other nodes talk to it.</summary>
    public bool IsHeard => Status is not (MemberStatus.Lost or MemberStatus.Removed);
}
