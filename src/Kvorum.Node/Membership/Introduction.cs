using Kvorum.Node.Wire;

namespace Kvorum.Node.Membership;

/// <summary>A node says which data folder it comes with, to a peer that it is connected to.</summary>
internal readonly record struct Introduction(UInt128 Incarnation);

/// <summary>
/// Answer to an <see cref="Introduction"/>: the sender remembers this incarnation durably and will know no
/// other, or it refuses it.
/// </summary>
/// <param name="Incarnation">The one that was introduced: an answer to a former one is void.</param>
/// <param name="Refusal">
/// Empty if it is known; else what speaks against it and what to do, for people.
/// </param>
internal readonly record struct IntroductionAnswer(UInt128 Incarnation, string Refusal);

/// <summary>
/// Bytes of both, little endian.
/// <code>
/// introduction = incarnation:u128
/// answer       = incarnation:u128 refusalLength:u32 refusal:utf8
/// </code>
/// </summary>
internal static class IntroductionCodec
{
    public static void Encode(in Introduction introduction, ByteWriter into) =>
        into.U128(introduction.Incarnation);

    public static void Encode(in IntroductionAnswer answer, ByteWriter into)
    {
        into.U128(answer.Incarnation);
        into.Text(answer.Refusal);
    }

    public static Introduction DecodeIntroduction(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        return new(from.U128());
    }

    public static IntroductionAnswer DecodeAnswer(ReadOnlyMemory<byte> bytes)
    {
        var from = new ByteReader(bytes);
        return new(from.U128(), from.Text());
    }
}
