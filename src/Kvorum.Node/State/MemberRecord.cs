namespace Kvorum.Node.State;

/// <summary>A member as the metadata group knows it.</summary>
/// <param name="Name">Its name; may be empty.</param>
/// <param name="PeerAddress">Where other nodes reach it.</param>
/// <param name="ClientAddress">Where gRPC and native clients reach it.</param>
/// <param name="HttpAddress">Where HTTP clients reach it.</param>
internal sealed record MemberRecord(
    string Name, string PeerAddress, string ClientAddress, string HttpAddress);
