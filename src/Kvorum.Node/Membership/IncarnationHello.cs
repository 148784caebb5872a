using Kvorum.Node.Placement;
using Kvorum.Node.Wire;
using Kvorum.Protocol;

namespace Kvorum.Node.Membership;

/// <summary>
/// A node says which data folder it comes with, and how far its log is, to a peer that it is connected to.
/// </summary>
/// <param name="Incarnation">Of the folder.</param>
/// <param name="ClusterId">
/// The cluster that the folder belongs to; 0 while it is not known. The hello of a connection may be older.
/// </param>
/// <param name="Lives">Of its log; the newest one is that of the sender.</param>
/// <param name="Durable">The newest frame of its log that is durable.</param>
/// <param name="Acceptance">
/// An operator's decision that the log counts although it lacks something; 0: none. It excuses the log once,
/// at each peer that has not heard of it yet.
/// </param>
internal readonly record struct IncarnationHello(
    UInt128 Incarnation, UInt128 ClusterId, LogLives Lives, ulong Durable, ulong Acceptance = 0)
{
    /// <summary>What fails together with the sender.</summary>
    public string Zone { get; init; } = "";

    /// <summary>What the sender carries in proportion to others.</summary>
    public int Weight { get; init; } = RingMember.Ordinary;

    /// <summary>How far the log is, in the sender's life.</summary>
    public LogReach Reach => new(Lives.Newest.Id, Durable);
}

/// <summary>Why a member is not heard.</summary>
internal enum RefusalKind : byte
{
    /// <summary>It is.</summary>
    None,

    /// <summary>It comes with another data folder than the one known.</summary>
    OtherFolder,

    /// <summary>Its log lacks what it was known to have: it must not take part at all.</summary>
    LostLog,

    /// <summary>It belongs to another cluster.</summary>
    OtherCluster,
}

/// <summary>
/// Answer to an <see cref="IncarnationHello"/>: the sender remembers this incarnation durably and will know
/// no other, or it refuses it.
/// </summary>
/// <param name="Incarnation">The one that was introduced: an answer to a former one is void.</param>
/// <param name="Life">The life that was introduced: an answer to a former one is void.</param>
/// <param name="ClusterId">The cluster of the node that answers; 0 while it is not known.</param>
/// <param name="Kind">Whether it is refused.</param>
/// <param name="Refusal">
/// Empty if it is known; else what speaks against it and what to do, for people.
/// </param>
internal readonly record struct AdmissionAnswer(
    UInt128 Incarnation, ulong Life, UInt128 ClusterId, RefusalKind Kind, string Refusal);

/// <summary>
/// Bytes of both, little endian.
/// <code>
/// hello  = incarnation:u128 cluster:u128 durable:u64 acceptance:u64 zone weight:u32 lives    see LogLives
/// answer = incarnation:u128 life:u64 cluster:u128 kind:u8 refusal
/// zone   = refusal = length:u32 UTF-8
/// </code>
/// </summary>
internal static class IncarnationHelloCodec
{
    public static void Encode(in IncarnationHello hello, ByteWriter into)
    {
        into.U128(hello.Incarnation);
        into.U128(hello.ClusterId);
        into.U64(hello.Durable);
        into.U64(hello.Acceptance);
        into.Text32(hello.Zone);
        into.U32((uint)hello.Weight);
        hello.Lives.Encode(into);
    }

    public static void Encode(in AdmissionAnswer answer, ByteWriter into)
    {
        into.U128(answer.Incarnation);
        into.U64(answer.Life);
        into.U128(answer.ClusterId);
        into.U8((byte)answer.Kind);
        into.Text32(answer.Refusal);
    }

    public static IncarnationHello DecodeHello(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        var (incarnation, cluster) = (from.U128(), from.U128());
        var (durable, acceptance) = (from.U64(), from.U64());
        var (zone, weight) = (from.Text32(), from.Int("weight"));
        return new(incarnation, cluster, LogLives.Decode(ref from), durable, acceptance)
        {
            Zone = zone,
            Weight = weight,
        };
    }

    public static AdmissionAnswer DecodeAnswer(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        var (incarnation, life, cluster) = (from.U128(), from.U64(), from.U128());
        var kind = (RefusalKind)from.U8();
        return Enum.IsDefined(kind) ? new(incarnation, life, cluster, kind, from.Text32())
            : throw new FormatException(
                $"there is no refusal of kind {(byte)kind}: written by a newer version?");
    }
}
