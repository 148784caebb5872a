using System.Text.Json.Serialization;
using Kvorum.Node.Events;

namespace Kvorum.Node.Membership;

/// <summary>A node that the cluster was founded with, as the data folder keeps it.</summary>
/// <param name="NodeId">Its id.</param>
/// <param name="Name">Its name; empty if only its address was given.</param>
/// <param name="PeerAddress">Where it was at the founding.</param>
internal sealed record Founder(Guid NodeId, string Name, string PeerAddress)
{
    /// <summary>The member as the folder knows it.</summary>
    [JsonIgnore]
    public MemberSeed Seed => new(new(ClusterIdentity.ToUInt128(NodeId)), Name, PeerAddress);

    /// <summary>The member as the folder is to know it.</summary>
    public static Founder Of(MemberSeed member) =>
        new(ClusterIdentity.ToGuid(member.Id.Value), member.Name, member.PeerAddress);
}

/// <summary>
/// The members that the metadata group has told of. Its replica here may know less at a start: its tables may
/// be damaged, or older. Whom a node does not know it does not hear, so nobody could mend that replica.
/// </summary>
/// <param name="Version">The version of what the metadata group has told.</param>
/// <param name="Nodes">All that are heard, in the order of their ids.</param>
internal sealed record ToldMembers(ulong Version, IReadOnlyList<Founder> Nodes);

/// <summary>
/// The members of the cluster from what the data folder knows and what an operator says now: the folder has
/// their ids and names, the operator gives their addresses.
/// </summary>
internal static class Founders
{
    /// <summary>
    /// The founders, each at the address that <paramref name="named"/> gives for its id or its name.
    /// </summary>
    public static IReadOnlyList<MemberSeed> At(
        IReadOnlyList<Founder> founders, IReadOnlyList<MemberSeed> named) =>
        [.. founders.Select(static founder => founder.Seed).OrderBy(static seed => seed.Id).Select(seed =>
            named.FirstOrDefault(now => Is(seed, now)) is { } now
                ? seed with { PeerAddress = now.PeerAddress } : seed)];

    /// <summary>What is to be told of members in the list that are no founders; null if all are.</summary>
    public static StrangersIgnored? Strangers(
        IReadOnlyList<Founder> founders, IReadOnlyList<MemberSeed> named)
    {
        MemberSeed[] strangers =
            [.. named.Where(now => !founders.Any(founder => Is(founder.Seed, now)))];
        return strangers.Length == 0
            ? null
            : new(Text(strangers), Text([.. founders.Select(static founder => founder.Seed)]));
    }

    /// <summary>True if the list has this founder.</summary>
    public static bool IsNamed(MemberSeed founder, IReadOnlyList<MemberSeed> named) =>
        named.Any(now => Is(founder, now));

    private static bool Is(MemberSeed founder, MemberSeed named) =>
        founder.Id == named.Id
        || (named.Name.Length > 0 ? founder.Name == named.Name : founder.PeerAddress == named.PeerAddress);

    private static string Text(IReadOnlyList<MemberSeed> members) =>
        string.Join(", ", members.Select(static member =>
            member.Name.Length > 0 ? $"{member.Name}@{member.PeerAddress}" : member.PeerAddress));
}
