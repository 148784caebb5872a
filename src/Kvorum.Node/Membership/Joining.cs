using Kvorum.Node.State;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Membership;

/// <summary>A node asks a member to join its cluster.</summary>
/// <param name="Id">The node that wants to join.</param>
/// <param name="ClusterId">The cluster that its folder belongs to; 0 for a new folder.</param>
/// <param name="Member">What it says of itself.</param>
internal sealed record JoinAsk(NodeId Id, UInt128 ClusterId, MemberRecord Member)
{
    /// <summary>The format versions that it speaks.</summary>
    public FormatRange Formats { get; init; } = FormatRange.OnlyFirst;
}

/// <summary>What a member answers. Values are on the wire: never renumber.</summary>
internal enum JoinVerdict : byte
{
    /// <summary>It has joined, and it is durable that it has.</summary>
    Joined = 1,

    /// <summary>It is to be asked again after a while: the text says what is waited for.</summary>
    Later = 2,

    /// <summary>Another member is to be asked: the text is its address.</summary>
    Elsewhere = 3,

    /// <summary>It cannot join: the text says why, and what to do.</summary>
    Refused = 4,
}

/// <summary>The answer to a <see cref="JoinAsk"/>.</summary>
/// <param name="Verdict">What has come of it.</param>
/// <param name="Text">See <see cref="JoinVerdict"/>.</param>
internal sealed record JoinAnswer(JoinVerdict Verdict, string Text = "")
{
    /// <summary>The cluster; only if it has joined.</summary>
    public UInt128 ClusterId { get; init; }

    /// <summary>The members, the new one included; only if it has joined.</summary>
    public IReadOnlyList<MemberSeed> Members { get; init; } = [];

    /// <summary>
    /// The version of the metadata that tells of them; null if the member that answers does not say it.
    /// </summary>
    public ulong? Version { get; init; }
}

/// <summary>
/// Bytes of both, little endian.
/// <code>
/// ask    = version:u8 (1) id:u128 cluster:u128 member formats      member, formats as in MetaRecords
/// answer = version:u8 (1) verdict:u8 text cluster:u128 count:u32 (id:u128 name address){count}
///          version:u64
/// text   = length:u32 UTF-8
/// </code>
/// Programs of format version 1 write no formats and no version of the metadata, and pass over them.
/// </summary>
internal static class JoinCodec
{
    private const byte Version = 1;

    public static byte[] Encode(JoinAsk ask)
    {
        var into = new ByteWriter();
        into.U8(Version);
        into.U128(ask.Id.Value);
        into.U128(ask.ClusterId);
        MetaRecords.Write(into, ask.Member);
        MetaRecords.Write(into, ask.Formats);
        return into.ToArray();
    }

    public static JoinAsk DecodeAsk(ReadOnlyMemory<byte> bytes)
    {
        var from = Begin(bytes);
        return new(new(from.U128()), from.U128(), MetaRecords.ReadMember(ref from))
        {
            Formats = MetaRecords.ReadFormats(ref from),
        };
    }

    public static byte[] Encode(JoinAnswer answer)
    {
        var into = new ByteWriter();
        into.U8(Version);
        into.U8((byte)answer.Verdict);
        into.Text32(answer.Text);
        into.U128(answer.ClusterId);
        into.U32((uint)answer.Members.Count);
        foreach (var member in answer.Members)
        {
            into.U128(member.Id.Value);
            into.Text32(member.Name);
            into.Text32(member.PeerAddress);
        }

        if (answer.Version is { } version)
            into.U64(version);
        return into.ToArray();
    }

    public static JoinAnswer DecodeAnswer(ReadOnlyMemory<byte> bytes)
    {
        var from = Begin(bytes);
        var verdict = (JoinVerdict)from.U8();
        if (!Enum.IsDefined(verdict))
            throw new FormatException($"there is no verdict {(byte)verdict} on joining");
        var (text, cluster, count) = (from.Text32(), from.U128(), from.Int("members"));
        var members = new List<MemberSeed>();
        for (; count > 0; count--)
            members.Add(new(new(from.U128()), from.Text32(), from.Text32()));
        return new(verdict, text)
        {
            ClusterId = cluster,
            Members = members,
            Version = from.AtEnd ? null : from.U64(),
        };
    }

    private static ByteReader Begin(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        return from.U8() is var version and not Version
            ? throw new FormatException($"version {version} of joining is unknown: run one release") : from;
    }
}
