using Kvorum.Node.Wire;
using Kvorum.Protocol;

namespace Kvorum.Node.Membership;

/// <summary>
/// A node says which data folder it comes with, and how far its log is, to a peer that it is connected to.
/// </summary>
/// <param name="Incarnation">Of the folder.</param>
/// <param name="Lives">Of its log; the newest one is that of the sender.</param>
/// <param name="Durable">The newest frame of its log that is durable.</param>
/// <param name="Acceptance">
/// An operator's decision that the log counts although it lacks something; 0: none. It excuses the log once,
/// at each peer that has not heard of it yet.
/// </param>
internal readonly record struct IncarnationHello(
    UInt128 Incarnation, LogLives Lives, ulong Durable, ulong Acceptance = 0)
{
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
}

/// <summary>
/// Answer to an <see cref="IncarnationHello"/>: the sender remembers this incarnation durably and will know
/// no other, or it refuses it.
/// </summary>
/// <param name="Incarnation">The one that was introduced: an answer to a former one is void.</param>
/// <param name="Life">The life that was introduced: an answer to a former one is void.</param>
/// <param name="Kind">Whether it is refused.</param>
/// <param name="Refusal">
/// Empty if it is known; else what speaks against it and what to do, for people.
/// </param>
internal readonly record struct AdmissionAnswer(
    UInt128 Incarnation, ulong Life, RefusalKind Kind, string Refusal);

/// <summary>
/// Bytes of both, little endian.
/// <code>
/// hello  = incarnation:u128 durable:u64 acceptance:u64 lives       see LogLives
/// answer = incarnation:u128 life:u64 kind:u8 refusalLength:u32 refusal:utf8
/// </code>
/// </summary>
internal static class IncarnationHelloCodec
{
    public static void Encode(in IncarnationHello hello, ByteWriter into)
    {
        into.U128(hello.Incarnation);
        into.U64(hello.Durable);
        into.U64(hello.Acceptance);
        hello.Lives.Encode(into);
    }

    public static void Encode(in AdmissionAnswer answer, ByteWriter into)
    {
        into.U128(answer.Incarnation);
        into.U64(answer.Life);
        into.U8((byte)answer.Kind);
        into.Text32(answer.Refusal);
    }

    public static IncarnationHello DecodeHello(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        var (incarnation, durable, acceptance) = (from.U128(), from.U64(), from.U64());
        return new(incarnation, LogLives.Decode(ref from), durable, acceptance);
    }

    public static AdmissionAnswer DecodeAnswer(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        return new(from.U128(), from.U64(), (RefusalKind)from.U8(), from.Text32());
    }
}
