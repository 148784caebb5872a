using Kvorum.Node.Placement;
using Kvorum.Node.Wire;

namespace Kvorum.Tests.Node.Wire;

public class ReportCodecTests
{
    private static readonly NodeReport Report = new(
        256, 3,
        [
            new(new(7), new(3), new(9), new([new(1), new(2)], [new(4)], [new(5)]), 4096, 17),
            new(new(8), new(4), new(10), new([new(1)], [], [], IsJoint: true), 0, 0),
        ]);

    private static readonly string Zeros = new('0', 30);

    private static readonly string Bytes = "0001000000000000" + "0300000000000000"
        + "07000000" + "0300000000000000" + "0900000000000000" + $"0201{Zeros}02{Zeros}" + $"0104{Zeros}"
        + $"0105{Zeros}" + "00" + "0010000000000000" + "1100000000000000"
        + "08000000" + "0400000000000000" + "0a00000000000000" + $"0101{Zeros}" + "00" + "00" + "01"
        + "0000000000000000" + "0000000000000000";

    [Fact]
    public void A_report_has_these_bytes_and_is_read_back()
    {
        var writer = new ByteWriter();
        ReportCodec.Encode(Report, writer);
        Assert.Equal(Bytes, Convert.ToHexStringLower(writer.Written));
        var read = ReportCodec.Decode(writer.ToArray());
        Assert.Equal((Report.RoomBytes, Report.Hints), (read.RoomBytes, read.Hints));
        Assert.Equal(2, read.Groups.Count);
        foreach (var (told, found) in Report.Groups.Zip(read.Groups))
        {
            Assert.Equal(told, found with { Replicas = told.Replicas });
            Assert.Equal(told.Replicas.Voters, found.Replicas.Voters);
            Assert.Equal(told.Replicas.Learners, found.Replicas.Learners);
            Assert.Equal(told.Replicas.Filling, found.Replicas.Filling);
            Assert.Equal(told.Replicas.IsJoint, found.Replicas.IsJoint);
        }
    }

    /// <summary>A report may end behind each of its groups, and nowhere else.</summary>
    [Fact]
    public void What_is_cut_short_is_a_format_error()
    {
        var bytes = Convert.FromHexString(Bytes);
        const int Head = 16, First = 104;
        for (var length = 0; length < bytes.Length; length++)
        {
            if (length is Head or Head + First)
                Assert.Equal(length / First, ReportCodec.Decode(bytes.AsMemory(0, length)).Groups.Count);
            else
                Assert.ThrowsAny<FormatException>(() => ReportCodec.Decode(bytes.AsMemory(0, length)));
        }
    }

    [Theory]
    [InlineData(4, 1, 5, 9, true)]
    [InlineData(4, 9, 5, 1, true)]
    [InlineData(5, 9, 4, 1, false)]
    [InlineData(5, 1, 4, 9, false)]
    [InlineData(5, 8, 5, 9, true)]
    [InlineData(5, 9, 5, 9, true)]
    [InlineData(5, 9, 5, 8, false)]
    public void The_later_term_counts_then_the_later_configuration(
        ulong knownTerm, ulong knownIndex, ulong term, ulong index, bool isNewer)
    {
        var known = Report.Groups[0] with { Term = new(knownTerm), ConfigurationIndex = new(knownIndex) };
        var told = Report.Groups[0] with { Term = new(term), ConfigurationIndex = new(index) };
        Assert.Equal(isNewer, told.IsNewerThan(known));
        Assert.True(told.IsNewerThan(null));
    }
}
