using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Quorum;

namespace Kvorum.Node.Leaderless;

/// <summary>A request that a replica remembers.</summary>
/// <param name="ClientId">The client, UTF-8.</param>
/// <param name="RequestId">The client's number of the write.</param>
/// <param name="Version">
/// The version it was stored with; none if all up to this request of the client are forgotten.
/// </param>
internal readonly record struct RememberedRequest(
    ReadOnlyMemory<byte> ClientId, ulong RequestId, RecordVersion Version);

/// <summary>
/// What another replica remembers of requests, for one that is being filled: without it, a repeated request
/// would be new to it. As it travels, and as the replica has it in its log. Little endian.
/// <code>
/// command = kind:u8 (5) (length:u8 id requestId:u64 version:16){to the end}
/// </code>
/// </summary>
internal static class RememberCommand
{
    private const byte Kind = 5;

    /// <summary>Requests as bytes.</summary>
    public static byte[] Encode(IEnumerable<RememberedRequest> requests)
    {
        var into = new ByteWriter();
        into.U8(Kind);
        Span<byte> version = stackalloc byte[RecordVersion.Size];
        foreach (var request in requests)
        {
            into.U8((byte)request.ClientId.Length);
            into.Raw(request.ClientId.Span);
            into.U64(request.RequestId);
            request.Version.Write(version);
            into.Raw(version);
        }

        return into.ToArray();
    }

    /// <summary>True if the command is one of these.</summary>
    public static bool Is(ReadOnlySpan<byte> command) => command.Length > 0 && command[0] == Kind;

    /// <summary>Reads them. A <see cref="FormatException"/> if they make no sense.</summary>
    public static IReadOnlyList<RememberedRequest> Read(ReadOnlyMemory<byte> command)
    {
        var from = new ByteReader(command[1..]);
        var requests = new List<RememberedRequest>();
        while (!from.AtEnd)
        {
            requests.Add(new(
                from.Raw(from.U8()), from.U64(), RecordVersion.Read(from.Raw(RecordVersion.Size).Span)));
        }

        return requests;
    }
}
