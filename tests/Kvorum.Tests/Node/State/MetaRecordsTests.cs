using Kvorum.Node.Placement;
using Kvorum.Node.Placement.Planning;
using Kvorum.Node.State;
using Kvorum.Node.Wire;
using Kvorum.Protocol;
using Kvorum.Raft;
using Kvorum.Tests.Node.State.Harness;

namespace Kvorum.Tests.Node.State;

/// <summary>Golden bytes of what the metadata group is told, and of what its tree holds.</summary>
public class MetaRecordsTests
{
    private const string Time = "0500000000000000";
    private static readonly string Zeros = new('0', 30);

    private static readonly string MemberBytes = "010000006e" + "03000000613a31" + "03000000613a32"
        + "00000000" + "020000007a31" + "2c010000";

    private static readonly string TargetBytes = "02" + "01" + Zeros + "02" + Zeros + "01" + "03" + Zeros;

    private static readonly string LimitsBytes = "01000000" + "0200000000000000" + "03000000" + "04000000"
        + "0500000000000000" + "0600000000000000" + "01" + "08000000" + "0900000000000000";

    private static readonly MemberRecord Member = new("n", "a:1", "a:2", "") { Zone = "z1", Weight = 300 };

    private static readonly ReplicaTarget Target = new([new(1), new(2)], [new(3)]);

    private static readonly TargetChange[] Changes =
    [
        new(new(8), new(9), Target, ChangeReason.Balance, null, null),
        new(new(1), new(2), Target, ChangeReason.Repair, null, new NodeId(4)),
    ];

    public static TheoryData<string, string> Commands => new()
    {
        { "01" + Time + "07" + Zeros + MemberBytes, Hex(MetaRecords.EncodeMember(new(7), Member, 5)) },
        { "05" + Time + "07" + Zeros + MemberBytes, Hex(MetaRecords.EncodeJoin(new(7), Member, 5)) },
        { "06" + Time + "07" + Zeros + "04", Hex(MetaRecords.EncodeStatus(new(7), MemberStatus.Lost, 5)) },
        {
            "08" + Time + "08000000" + "0900000000000000" + TargetBytes + "00" + Zeros
                + "0700000062616c616e6365"
                + "01000000" + "0200000000000000" + TargetBytes + "04" + Zeros + "06000000726570616972",
            Hex(MetaRecords.EncodeTargets(Changes, 5))
        },
        { "09" + Time + LimitsBytes, Hex(MetaRecords.EncodeLimits(MetaTargetsTests.Odd(), 5)) },
        { "0a" + Time + "07000000" + "03000000", Hex(MetaRecords.EncodeReplicas(new(7), 3, 5)) },
        { "12" + Time + "07000000" + "01", Hex(MetaRecords.EncodeClientTime(new(7), isAllowed: true, 5)) },
        { "0b" + Time + "07000000", Hex(MetaRecords.EncodeDrop(new(7), 5)) },
        { "0c" + Time + "07" + Zeros + "01", Hex(MetaRecords.EncodeHealth(new(7), isDown: true, 5)) },
        { "0d" + Time + "01", Hex(MetaRecords.EncodeRebalancing(isMoving: true, 5)) },
    };

    [Theory]
    [MemberData(nameof(Commands))]
    public void Commands_have_golden_bytes(string golden, string bytes) => Assert.Equal(golden, bytes);

    /// <summary>
    /// A command that is cut short is a format error; a plan may end behind each of its changes.
    /// </summary>
    [Theory]
    [MemberData(nameof(Commands))]
    public void A_command_that_is_cut_short_is_a_format_error(string golden, string bytes)
    {
        Assert.Equal(golden, bytes);
        var whole = Convert.FromHexString(bytes);
        using var bench = new MetaBench();
        for (var length = 0; length < whole.Length; length++)
        {
            var isPlan = whole[0] == MetaRecords.TargetsCommand && length is 9 or 98;
            if (isPlan)
                bench.Apply(whole[..length]);
            else
                Assert.ThrowsAny<FormatException>(() => bench.Apply(whole[..length]));
        }
    }

    [Fact]
    public void What_is_unknown_is_a_format_error()
    {
        using var bench = new MetaBench();
        foreach (var kind in new byte[] { 0, 2, 4, 17, 255 })
            Assert.Throws<FormatException>(() => bench.Apply([kind, 0, 0, 0, 0, 0, 0, 0, 0]));
        var status = MetaRecords.EncodeStatus(new(7), MemberStatus.Removed, 5);
        foreach (var unknown in new byte[] { 0, 6 })
            Assert.Throws<FormatException>(() => bench.Apply([.. status[..^1], unknown]));
    }

    [Fact]
    public void Records_have_golden_bytes_and_are_read_back()
    {
        var placed = new PlacedGroup(new(6), 7, Target) { GivenUp = [new(new(4), 8), new(new(5), 9)] };
        Assert.Equal(
            "0600000000000000" + "0700000000000000" + TargetBytes + "04" + Zeros + "0800000000000000"
                + "05" + Zeros + "0900000000000000",
            Hex(into => MetaRecords.Write(into, placed)));
        var read = Read(into => MetaRecords.Write(into, placed), MetaRecords.ReadPlaced);
        Assert.Equal(placed.GivenUp, read.GivenUp);
        Assert.Equal(placed.Nodes, read.Nodes);
        Assert.Equal(Target.Voters, read.Target.Voters);
        Assert.Equal((placed.Epoch, placed.SinceMs), (read.Epoch, read.SinceMs));
        Assert.Equal(Member, Read(into => MetaRecords.Write(into, Member), MetaRecords.ReadMember));
        var limits = MetaTargetsTests.Odd();
        Assert.Equal(limits, Read(into => MetaRecords.Write(into, limits), MetaRecords.ReadLimits));
    }

    private delegate T Reading<T>(ref ByteReader from);

    private static T Read<T>(Action<ByteWriter> write, Reading<T> read)
    {
        var writer = new ByteWriter();
        write(writer);
        var from = new ByteReader(writer.ToArray());
        var found = read(ref from);
        Assert.True(from.AtEnd);
        return found;
    }

    private static string Hex(Action<ByteWriter> write)
    {
        var writer = new ByteWriter();
        write(writer);
        return Hex(writer.ToArray());
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
