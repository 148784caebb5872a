using System.ComponentModel;

namespace Kvorum.Protocol;

/// <summary>One node as others can reach it.</summary>
/// <param name="Id">UUID.</param>
/// <param name="Name">Unique name.</param>
/// <param name="ClientAddress">host:port for gRPC and native clients; empty while unknown.</param>
/// <param name="HttpAddress">host:port for HTTP; empty while unknown.</param>
/// <param name="PeerAddress">host:port for other nodes.</param>
public sealed record MemberInfo(
    Guid Id, string Name, string ClientAddress, string HttpAddress, string PeerAddress);

/// <summary>Where one partition lives.</summary>
/// <param name="Partition">Its number.</param>
/// <param name="Replicas">Its nodes in order of preference, as positions in
/// <see cref="ClusterMap.Members"/>.</param>
/// <param name="Leader">The leader, as a position in <see cref="ClusterMap.Members"/>; -1 if unknown.</param>
/// <param name="Term">The term in which <paramref name="Leader"/> leads: of two reports the higher term is
/// right.</param>
public sealed record PartitionInfo(
    uint Partition,
    [property: Description("Positions in members.")] IReadOnlyList<int> Replicas,
    [property: Description("Position in members; -1 if unknown.")] int Leader,
    ulong Term);

/// <summary>One keyspace.</summary>
public sealed record KeyspaceInfo(
    string Name, string Mode, int ReplicationFactor, int KeyBytesMax, int ValueBytesMax, string KeyPolicy,
    IReadOnlyList<PartitionInfo> Partitions);

/// <summary>The cluster as one node knows it: its nodes, and the leader of each partition.</summary>
/// <param name="ClusterId">UUID.</param>
/// <param name="Epoch">The version of the placement.</param>
/// <param name="Version">The version of all that the metadata group tells, addresses included.</param>
/// <param name="Members">The members, in the order of their ids.</param>
/// <param name="Keyspaces">The keyspaces.</param>
public sealed record ClusterMap(
    Guid ClusterId, ulong Epoch, ulong Version, IReadOnlyList<MemberInfo> Members,
    IReadOnlyList<KeyspaceInfo> Keyspaces);
