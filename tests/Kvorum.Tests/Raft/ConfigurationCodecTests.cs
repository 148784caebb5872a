using System.Buffers;
using Kvorum.Raft;

namespace Kvorum.Tests.Raft;

public class ConfigurationCodecTests
{
    [Fact]
    public void Golden_bytes_of_a_configuration()
    {
        var configuration = new Configuration { Voters = [new(1), new(0x0102)], Outgoing = [new(3)], Learners = [], LearnersNext = [new(4)] };
        const string expected =
            "01"
            + "0200" + "01000000000000000000000000000000" + "02010000000000000000000000000000"
            + "0100" + "03000000000000000000000000000000"
            + "0000"
            + "0100" + "04000000000000000000000000000000";
        var bytes = Bytes(into => ConfigurationCodec.Encode(configuration, into));
        Assert.Equal(expected, Convert.ToHexString(bytes));
        Assert.Equivalent(configuration, ConfigurationCodec.DecodeConfiguration(bytes), strict: true);
    }

    [Fact]
    public void Golden_bytes_of_a_change()
    {
        var change = new ConfigurationChange(
            [new(MemberChangeKind.AddVoter, new(1)), new(MemberChangeKind.AddLearner, new(2)), new(MemberChangeKind.Remove, new(UInt128.MaxValue))]);
        const string expected =
            "01" + "0300"
            + "01" + "01000000000000000000000000000000"
            + "02" + "02000000000000000000000000000000"
            + "03" + "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";
        var bytes = Bytes(into => ConfigurationCodec.Encode(change, into));
        Assert.Equal(expected, Convert.ToHexString(bytes));
        Assert.Equivalent(change, ConfigurationCodec.DecodeChange(bytes), strict: true);
        Assert.Equal("010000", Convert.ToHexString(Bytes(into => ConfigurationCodec.Encode(new ConfigurationChange([]), into))));
    }

    [Fact]
    public void Any_cut_and_any_extra_byte_is_refused()
    {
        var configuration = new Configuration { Voters = [new(1), new(2)], Learners = [new(3)] };
        var whole = Bytes(into => ConfigurationCodec.Encode(configuration, into));
        for (var length = 0; length < whole.Length; length++)
            Assert.Throws<FormatException>(() => ConfigurationCodec.DecodeConfiguration(whole.AsSpan(0, length)));
        Assert.Throws<FormatException>(() => ConfigurationCodec.DecodeConfiguration([.. whole, 0]));
        var change = Bytes(into => ConfigurationCodec.Encode(new ConfigurationChange([new(MemberChangeKind.Remove, new(9))]), into));
        for (var length = 0; length < change.Length; length++)
            Assert.Throws<FormatException>(() => ConfigurationCodec.DecodeChange(change.AsSpan(0, length)));
        Assert.Throws<FormatException>(() => ConfigurationCodec.DecodeChange([.. change, 0]));
    }

    [Fact]
    public void Unknown_versions_and_kinds_and_disorder_are_refused()
    {
        Assert.Throws<FormatException>(() => ConfigurationCodec.DecodeChange([2, 0, 0]));
        Assert.Throws<FormatException>(() => ConfigurationCodec.DecodeChange([1, 1, 0, 4, .. new byte[16]]));
        var twice = Bytes(into => ConfigurationCodec.Encode(new Configuration { Voters = [new(2), new(2)] }, into));
        Assert.Throws<FormatException>(() => ConfigurationCodec.DecodeConfiguration(twice));
    }

    private static byte[] Bytes(Action<IBufferWriter<byte>> encode)
    {
        var writer = new ArrayBufferWriter<byte>();
        encode(writer);
        return writer.WrittenSpan.ToArray();
    }
}
