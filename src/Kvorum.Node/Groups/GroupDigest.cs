using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;

namespace Kvorum.Node.Groups;

/// <summary>What one replica tells another of itself, now and then.</summary>
/// <param name="Group">The group.</param>
/// <param name="WantsAnswer">True if the other one shall tell the same at once.</param>
/// <param name="IsQuarantined">True while it stands still.</param>
/// <param name="Discarded">Not null while it is blank: for which node it was given up.</param>
/// <param name="Points">Where its history can be compared.</param>
internal readonly record struct GroupDigest(
    GroupId Group, bool WantsAnswer, bool IsQuarantined, Discarded? Discarded,
    IReadOnlyList<HistoryPoint> Points);

/// <summary>
/// Digests on their way, little endian, many in a frame.
/// <code>
/// digest = group:u32 flags:u8 [kept:u128] points:u8 (index:u64 hash:u64){points}
/// flags  = 1: an answer is wanted, 2: quarantined, 4: discarded, and kept is there (0: none)
/// </code>
/// </summary>
internal static class DigestCodec
{
    public static void Encode(in GroupDigest digest, ByteWriter into)
    {
        into.Group(digest.Group);
        into.U8((byte)((digest.WantsAnswer ? 1 : 0) | (digest.IsQuarantined ? 2 : 0)
            | (digest.Discarded is null ? 0 : 4)));
        if (digest.Discarded is { } discarded)
            into.U128(discarded.Kept?.Value ?? 0);
        into.U8((byte)digest.Points.Count);
        foreach (var (index, hash) in digest.Points)
        {
            into.U64(index.Value);
            into.U64(hash);
        }
    }

    public static GroupDigest Decode(ref ByteReader from)
    {
        var group = from.Group();
        var flags = from.U8();
        if (flags > 7)
            throw new FormatException($"unknown flags {flags} in a digest: written by a newer version?");
        Discarded? discarded = null;
        if ((flags & 4) != 0)
        {
            var kept = from.U128();
            discarded = new(kept == 0 ? null : new NodeId(kept));
        }

        var points = new HistoryPoint[from.U8()];
        for (var i = 0; i < points.Length; i++)
            points[i] = new(new(from.U64()), from.U64());
        return new(group, (flags & 1) != 0, (flags & 2) != 0, discarded, points);
    }
}
