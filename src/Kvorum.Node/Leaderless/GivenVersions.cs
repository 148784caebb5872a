using System.Buffers.Binary;
using System.Security.Cryptography;
using Kvorum.Protocol;
using Kvorum.Quorum;

namespace Kvorum.Node.Leaderless;

/// <summary>
/// Versions that a write brings with it instead of getting one from the coordinator: that of an earlier
/// attempt, or one with a time of the client's own. The writer of the latter is made from what is written, so
/// that the same write has the same version through whichever node it goes, and two writes of one time have
/// two.
/// </summary>
internal static class GivenVersions
{
    /// <summary>The version of a write; none if the coordinator is to give it.</summary>
    public static RecordVersion Of(WriteRequest write) => write switch
    {
        { Timestamp: > 0 } => new(new(write.Timestamp), WriterOf(write)),
        { Tried: { } tried } => new(new(tried.Time), new(tried.Writer)),
        _ => RecordVersion.None,
    };

    /// <summary>Why it is not taken; null if it is.</summary>
    public static (ReplyStatus Status, string Why)? WhyNot(WriteRequest write, ICoordinatorHost host)
    {
        if (write.Timestamp > 0)
            return WhyNoTimestamp(new(write.Timestamp), host);
        return write.Tried is not { } tried || host.Cluster.Folders.Has(tried.Writer) ? null
            : (ReplyStatus.OutcomeUnknown,
                $"no member that this node knows gave the version {tried} that was tried: nothing was "
                    + "written now. Read the key");
    }

    /// <summary>Why a timestamp is behind what is taken.</summary>
    public static string TooOld(ulong timestamp) =>
        $"timestamp {timestamp} is of {new HybridTimestamp(timestamp).UnixMs} ms since 1970, and a deletion "
            + "of that time may be forgotten by now (--tombstone-min): nothing was written";

    private static (ReplyStatus Status, string Why)? WhyNoTimestamp(
        HybridTimestamp time, ICoordinatorHost host)
    {
        if (!host.IsWallKnown)
        {
            return (ReplyStatus.Unavailable,
                "this node's clock could not be compared with those of a majority of the members since it "
                    + "was started, so it judges no timestamps: nothing was written; ask another node");
        }

        return host.Versions.Observe(new(time, default), host.WallMs) ? null : (ReplyStatus.InvalidArgument,
            $"timestamp {time.Value} is of {time.UnixMs} ms since 1970: the clock of "
                + $"{host.Cluster.Members.NameOf(host.Cluster.Self)} shows {host.WallMs}, and a timestamp "
                + "may not be so far ahead (--quorum-clock-offset-max). Nothing was written");
    }

    // No writer is 0.
    private static WriterId WriterOf(WriteRequest write)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> head = stackalloc byte[1 + sizeof(ulong)];
        var put = write as PutRequest;
        head[0] = put is null ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt64LittleEndian(head[1..], put?.TtlMs ?? 0);
        hash.AppendData(head);
        if (put is not null)
            hash.AppendData(put.Value.Span);
        return new(Math.Max(1, BinaryPrimitives.ReadUInt64BigEndian(hash.GetHashAndReset())));
    }
}
