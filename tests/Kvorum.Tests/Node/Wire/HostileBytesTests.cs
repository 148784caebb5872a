using Kvorum.Node;
using Kvorum.Node.Groups;
using Kvorum.Node.Leaderless;
using Kvorum.Node.Leaderless.Deletes;
using Kvorum.Node.Leaderless.Repair;
using Kvorum.Node.Membership;
using Kvorum.Node.Placement;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Quorum;
using Kvorum.Quorum.Merkle;

namespace Kvorum.Tests.Node.Wire;

/// <summary>
/// What peers send is decoded on the transport's threads, and whatever it is, the worst that comes of it is a
/// FormatException with words: the frame is dropped.
/// </summary>
public class HostileBytesTests
{
    private const int Tries = 4000;

    private static readonly RecordVersion Version = new(new(77), new(5));

    private static readonly byte[] Command =
        StoreCommand.Encode("client", 7, "key"u8, new(Version, false, 0, "value"u8.ToArray()));

    private static readonly Dictionary<string, (byte[][] Samples, Action<byte[]> Decode)> Decoders = new()
    {
        ["quorum requests"] = (
            [
                Question(new QuorumRequest(QuorumAsk.Store, 1, new(2), 3, Command)),
                Question(new QuorumRequest(QuorumAsk.Read, 1, new(2), 3, "key"u8.ToArray(), true)),
                Question(new QuorumRequest(
                    QuorumAsk.Recall, 1, new(2), 3, "client"u8.ToArray(), RequestId: 9)),
                Question(new QuorumRequest(QuorumAsk.Hint, 1, new(2), 3, Command) { For = new(4) }),
            ],
            static bytes => ReadAll(bytes, static (ref from) => QuorumFrames.ReadRequest(ref from))),
        ["quorum answers"] = (
            [
                Answer(new QuorumAnswer(QuorumAsk.Store, 1, null)),
                Answer(new QuorumAnswer(QuorumAsk.Store, 1, RefusalReason.Full)),
                Written(into => QuorumFrames.Write(into, new QuorumAnswer(QuorumAsk.Read, 1, null)
                {
                    Record = new(Version, false, 0, "value"u8.ToArray()),
                    IsWhole = true,
                })),
                Answer(new QuorumAnswer(QuorumAsk.Recall, 1, null) { Version = Version }),
            ],
            static bytes => ReadAll(bytes, static (ref from) => QuorumFrames.ReadAnswer(ref from))),
        ["repair"] = (
            [
                .. new RepairMessage[]
                {
                    new RepairMessage.Open(1, new(2), new(5, 6, 7), new(8)),
                    new RepairMessage.Opened(1, new(2), new(5, 6, 7), Marks),
                    new RepairMessage.Compare(1, new(2), new(0, 1, [0], [1, 2])),
                    new RepairMessage.Compared(1, new(2), [1, 2, 3]),
                    new RepairMessage.Pairs(
                        1, new(2), new LeafSet(6).Encode(), "a"u8.ToArray(), "b"u8.ToArray(), new(3),
                        [new(4, Version, true)]),
                    new RepairMessage.Records(1, new(2), [Command], [4, 5]),
                    new RepairMessage.TooMany(1, new(2), "k"u8.ToArray()),
                    new RepairMessage.Refused(1, new(2), Marks),
                    new RepairMessage.Told(new(2), new(3), Marks, true),
                    new RepairMessage.Requests(1, new(2), 9),
                    new RepairMessage.Remembered(
                        1, new(2), 9, RememberCommand.Encode([new("c"u8.ToArray(), 4, Version)])),
                }.Select(static message => Written(into => RepairCodec.Write(into, message))),
            ],
            static bytes => RepairCodec.Read(bytes)),
        ["reports"] = (
            [
                Written(static into => ReportCodec.Encode(
                    new NodeReport(
                        256, [new(new(7), new(3), new(9), new([new(1)], [new(2)], []), 4096, 17)]),
                    into)),
            ],
            static bytes => ReportCodec.Decode(bytes)),
        ["reports of quorum replicas"] = (
            [
                Written(static into => ReportCodec.Encode(
                    new QuorumReport(3, [new(new(7), new(3), true, 9, 4)]), into)),
            ],
            static bytes => ReportCodec.DecodeQuorum(bytes)),
        ["introductions"] = (
            [
                Written(static into => IncarnationHelloCodec.Encode(
                    new IncarnationHello(1, 2, LogLives.None, 3) { Zone = "z" }, into)),
            ],
            static bytes => IncarnationHelloCodec.DecodeHello(bytes)),
        ["admission answers"] = (
            [
                Written(static into => IncarnationHelloCodec.Encode(
                    new AdmissionAnswer(1, 2, 3, RefusalKind.LostLog, "why"), into)),
            ],
            static bytes => IncarnationHelloCodec.DecodeAnswer(bytes)),
        ["questions to join"] = (
            [JoinCodec.Encode(new JoinAsk(new(7), 1, new("n", "a:1", "a:2", "")) { Formats = new(1, 2) })],
            static bytes => JoinCodec.DecodeAsk(bytes)),
        ["watermarks"] = (
            [
                Written(static into => new NodeWatermark(
                    new(9), true,
                    new Dictionary<GroupId, HybridTimestamp> { [new(7)] = new(8) }).Write(into)),
            ],
            static bytes => NodeWatermark.Read(bytes)),
        ["digests"] = (
            [
                Written(static into => DigestCodec.Encode(
                    new(new(3), true, false, null, [new(new(4), 5)]), into)),
            ],
            static bytes => ReadAll(bytes, static (ref from) => DigestCodec.Decode(ref from))),
    };

    private static ReplicaMarks Marks => new(new(1), new(2), new(3));

    private delegate object Reading(ref ByteReader from);

    public static TheoryData<string> Names => [.. Decoders.Keys.Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Damaged_frames_are_refused_or_read_and_nothing_else(string name)
    {
        var (samples, decode) = Decoders[name];
        var random = new Random(20260707);
        foreach (var sample in samples)
        {
            decode(sample);
            for (var n = 0; n < Tries; n++)
                Try(decode, Damaged(sample, random));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Noise_is_refused_or_read_and_nothing_else(string name)
    {
        var random = new Random(1);
        for (var n = 0; n < Tries; n++)
        {
            var noise = new byte[random.Next(200)];
            random.NextBytes(noise);
            Try(Decoders[name].Decode, noise);
        }
    }

    /// <summary>A record that no replica could apply must not come into its log.</summary>
    [Fact]
    public void A_record_of_a_newer_version_is_refused_before_it_is_stored()
    {
        var at = Command.Length - "value"u8.Length - sizeof(ulong) - 1;
        var newer = Command.ToArray();
        newer[at] = 2;
        var request = Written(
            into => QuorumFrames.Write(into, new QuorumRequest(QuorumAsk.Store, 1, new(2), 3, newer)));
        Assert.Contains(
            "flags 2: written by a newer version?",
            Assert.Throws<FormatException>(() => Decoders["quorum requests"].Decode(request)).Message,
            StringComparison.Ordinal);
        var records = Written(into => RepairCodec.Write(
            into, new RepairMessage.Records(1, new(2), [newer], [])));
        Assert.Throws<FormatException>(() => RepairCodec.Read(records));
        var keyless = StoreCommand.Encode("", 0, [], new(Version, false, 0, default));
        Assert.Throws<FormatException>(() => StoreCommand.Checked(keyless));
        var unversioned = StoreCommand.Encode("", 0, "k"u8, new(RecordVersion.None, false, 0, default));
        Assert.Throws<FormatException>(() => StoreCommand.Checked(unversioned));
    }

    private static void Try(Action<byte[]> decode, byte[] bytes)
    {
        try
        {
            decode(bytes);
        }
        catch (FormatException e)
        {
            Assert.NotEmpty(e.Message);
        }
    }

    private static byte[] Damaged(byte[] sample, Random random)
    {
        var bytes = sample.ToList();
        for (var changes = random.Next(1, 4); changes > 0; changes--)
        {
            var at = random.Next(bytes.Count + 1);
            switch (random.Next(4))
            {
                case 0 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1 when at < bytes.Count:
                    bytes[at] = (byte)(random.Next(2) == 0 ? 0xff : random.Next(256));
                    break;
                case 2:
                    bytes.RemoveRange(at, Math.Min(random.Next(5), bytes.Count - at));
                    break;
                default:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
            }
        }

        return [.. bytes];
    }

    private static void ReadAll(byte[] bytes, Reading read)
    {
        var from = new ByteReader(bytes);
        while (!from.AtEnd)
            read(ref from);
    }

    private static byte[] Question(QuorumRequest request) =>
        Written(into => QuorumFrames.Write(into, request));

    private static byte[] Answer(QuorumAnswer answer) => Written(into => QuorumFrames.Write(into, answer));

    private static byte[] Written(Action<ByteWriter> write)
    {
        var into = new ByteWriter();
        write(into);
        return into.ToArray();
    }
}
