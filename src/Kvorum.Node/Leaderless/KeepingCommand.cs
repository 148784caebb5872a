using Kvorum.Node.Leaderless.Deletes;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Quorum;

namespace Kvorum.Node.Leaderless;

/// <summary>
/// What a replica of a quorum keyspace tells itself by its own log. Little endian.
/// <code>
/// command = kind:u8 rest
/// rest    = 2 forget:  key:bytes32{to the end}
///         | 3 marks:   marks                       as in ReplicaMarks
///         | 4 collect: below:u64                   milliseconds
/// </code>
/// </summary>
internal static class KeepingCommand
{
    private const byte Forget = 2;
    private const byte Mark = 3;
    private const byte Collect = 4;

    /// <summary>These keys go, with all that is known of them.</summary>
    public static byte[] EncodeForget(IEnumerable<ReadOnlyMemory<byte>> keys)
    {
        var into = new ByteWriter();
        into.U8(Forget);
        foreach (var key in keys)
            into.Bytes32(key.Span);
        return into.Written.ToArray();
    }

    /// <summary>These are the marks from now on.</summary>
    public static byte[] Encode(in ReplicaMarks marks)
    {
        var bytes = new byte[1 + ReplicaMarks.Size];
        bytes[0] = Mark;
        marks.Write(bytes.AsSpan(1));
        return bytes;
    }

    /// <summary>Records that had ended by then go, as many as one entry may remove.</summary>
    public static byte[] EncodeCollect(HybridTimestamp horizon)
    {
        var into = new ByteWriter();
        into.U8(Collect);
        into.U64((ulong)horizon.UnixMs);
        return into.Written.ToArray();
    }

    /// <summary>True if records that have ended go by it.</summary>
    public static bool IsCollect(ReadOnlyMemory<byte> command) => command.Span is [Collect, ..];

    /// <summary>Carries a command out. A <see cref="FormatException"/> if it is none.</summary>
    public static void Apply(ReadOnlyMemory<byte> command, StoredMachine machine)
    {
        var from = new ByteReader(command);
        switch (from.U8())
        {
            case Forget:
                while (!from.AtEnd)
                    machine.Forget(from.Bytes32().Span);
                break;
            case Mark:
                machine.Mark(ReplicaMarks.Read(from.Raw(ReplicaMarks.Size).Span));
                break;
            case Collect:
                machine.Collect(from.U64());
                break;
            case var kind:
                throw new FormatException($"unknown command kind {kind}: written by a newer version?");
        }
    }
}
