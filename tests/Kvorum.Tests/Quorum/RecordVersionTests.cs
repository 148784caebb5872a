using Kvorum.Quorum;

namespace Kvorum.Tests.Quorum;

/// <summary>Versions: a total order, and bytes in that order.</summary>
public class RecordVersionTests
{
    [Fact]
    public void Golden_bytes()
    {
        var version = new RecordVersion(HybridTimestamp.At(0x0123456789AB, 0xCDEF), new WriterId(0xFEDC));
        var bytes = new byte[RecordVersion.Size];
        version.Write(bytes);
        Assert.Equal("0123456789ABCDEF000000000000FEDC", Convert.ToHexString(bytes));
        Assert.Equal(version, RecordVersion.Read(bytes));
        Assert.Equal("1250999896491.52719@000000000000fedc", version.ToString());
    }

    [Fact]
    public void None_is_below_all()
    {
        var least = new RecordVersion(HybridTimestamp.Zero, new WriterId(1));
        Assert.True(RecordVersion.None < least);
        Assert.True(RecordVersion.None.IsNone);
        Assert.False(least.IsNone);
        Assert.Equal("none", RecordVersion.None.ToString());
    }

    [Fact]
    public void Order_of_bytes_and_of_versions_is_time_then_writer()
    {
        var random = new Random(1);
        ulong Draw() => (random.Next(4)) switch
        {
            0 => (ulong)random.Next(3),
            1 => ulong.MaxValue - (ulong)random.Next(3),
            2 => 1UL << random.Next(64),
            _ => (ulong)random.NextInt64(),
        };
        var left = new byte[16];
        var right = new byte[16];
        for (var i = 0; i < 20_000; i++)
        {
            var a = new RecordVersion(new HybridTimestamp(Draw()), new WriterId(Draw()));
            var b = new RecordVersion(new HybridTimestamp(Draw()), new WriterId(Draw()));
            a.Write(left);
            b.Write(right);
            var expected = (a.Time.Value, a.Writer.Value).CompareTo((b.Time.Value, b.Writer.Value));
            Assert.Equal(Math.Sign(expected), Math.Sign(a.CompareTo(b)));
            Assert.Equal(Math.Sign(expected), Math.Sign(left.AsSpan().SequenceCompareTo(right)));
            Assert.Equal(expected < 0, a < b);
            Assert.Equal(expected >= 0, a >= b);
            Assert.Equal(a, RecordVersion.Read(left));
            Assert.Equal(a, RecordVersion.ParseOrNull(a.ToString()));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("5@1")]
    [InlineData("5.1@")]
    [InlineData("5.65536@1")]
    [InlineData("281474976710656.0@1")]
    [InlineData("-5.1@1")]
    [InlineData("5.1@ff")]
    [InlineData(" 5.1@1")]
    public void What_is_no_version_is_none(string text) => Assert.Null(RecordVersion.ParseOrNull(text));

    [Fact]
    public void A_full_counter_carries_into_the_milliseconds()
    {
        Assert.Equal(HybridTimestamp.At(6), HybridTimestamp.At(5, ushort.MaxValue).Next);
        Assert.Throws<OverflowException>(() => HybridTimestamp.Last.Next);
        Assert.Equal(HybridTimestamp.Zero, HybridTimestamp.At(-1));
        Assert.Equal(HybridTimestamp.UnixMsMax, HybridTimestamp.At(long.MaxValue).UnixMs);
    }
}
