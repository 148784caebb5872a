using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Tests.Protocol;

namespace Kvorum.Tests.Node.State;

public class CommandCodecTests
{
    private static readonly PutRequest Full = new()
    {
        Key = "key"u8.ToArray(),
        Value = "value"u8.ToArray(),
        ClientId = "me",
        RequestId = 7,
        IfVersion = 3,
        ReturnPrevious = true,
        TtlMs = 1000,
    };

    [Fact]
    public void Commands_have_these_bytes()
    {
        Assert.Equal(
            "01" + "6400000000000000" + "07" + "026d65" + "0700000000000000" + "0300000000000000" + "e803000000000000" + "03000000" + "6b6579" + "76616c7565",
            Convert.ToHexStringLower(CommandCodec.Encode(Full, 100)));
        Assert.Equal(
            "02" + "6400000000000000" + "00" + "00" + "01000000" + "6b",
            Convert.ToHexStringLower(CommandCodec.Encode(new DeleteRequest { Key = "k"u8.ToArray() }, 100)));
        Assert.Equal("03" + "6400000000000000", Convert.ToHexStringLower(CommandCodec.EncodeAdvanceTime(100)));
    }

    [Fact]
    public void What_was_encoded_is_decoded()
    {
        var command = CommandCodec.Decode(CommandCodec.Encode(Full, 100));
        Assert.Equal(
            (CommandKind.Put, 100UL, 7UL, (ulong?)3, true, 1000UL),
            (command.Kind, command.TimeMs, command.RequestId, command.IfVersion, command.ReturnPrevious, command.TtlMs));
        Assert.Equal("me"u8, command.ClientId.Span);
        Assert.Equal("key"u8, command.Key.Span);
        Assert.Equal("value"u8, command.Value.Span);
    }

    [Fact]
    public void Every_kind_of_write_has_a_command_of_its_own_name()
    {
        foreach (var write in EveryRequest.Full.OfType<WriteRequest>())
        {
            var command = CommandCodec.Decode(CommandCodec.Encode(write, 100));
            Assert.Equal(
                ($"{write.Kind}", write.RequestId, write.IfVersion, write.ReturnPrevious),
                ($"{command.Kind}", command.RequestId, command.IfVersion, command.ReturnPrevious));
            Assert.Equal(write.Key.Span, command.Key.Span);
            Assert.Equal(write.DataBytes, command.Key.Length + command.Value.Length);
        }
    }

    [Fact]
    public void An_unknown_kind_is_refused_by_name() =>
        Assert.Contains("kind 9", Assert.Throws<FormatException>(() => CommandCodec.Decode(new byte[] { 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 })).Message, StringComparison.Ordinal);

    [Fact]
    public void A_cut_command_is_refused()
    {
        var bytes = CommandCodec.Encode(new DeleteRequest { Key = "key"u8.ToArray(), ClientId = "me", RequestId = 1 }, 5);
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<FormatException>(() => CommandCodec.Decode(bytes.AsMemory(0, length)));
    }
}
