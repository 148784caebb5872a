using System.Buffers;
using System.Text;
using Kvorum.Protocol;

namespace Kvorum.Tests.Protocol;

public class ScanCodecTests
{
    private static readonly ScanRequest Full = new()
    {
        Keyspace = "ks",
        Key = "a"u8.ToArray(),
        End = "bc"u8.ToArray(),
        NoRedirect = true,
        Reverse = true,
        KeysOnly = true,
        Limit = 0x01020304,
        PageBytes = 5,
        Consistency = ReadConsistency.Stale,
        Token = "t"u8.ToArray(),
    };

    [Fact]
    public void A_scan_has_golden_bytes() => Assert.Equal(
        "04" + "19" + "026b73" + "0100000061" + "020000006263" + "04030201" + "05000000" + "02"
            + "0100000074",
        Hex(RequestBytes(Full)));

    [Fact]
    public void Every_field_of_a_scan_survives_and_no_cut_is_taken()
    {
        foreach (var scan in new[] { Full, Full with { Reverse = false }, Full with { KeysOnly = false },
            new ScanRequest { Key = default } })
        {
            var bytes = RequestBytes(scan);
            var read = (ScanRequest)RequestCodec.DecodeRequest(bytes);
            Assert.Equal(Hex(bytes), Hex(RequestBytes(read)));
            Assert.Equal(
                (scan.Keyspace, scan.Reverse, scan.KeysOnly, scan.Limit, scan.PageBytes, scan.Consistency),
                (read.Keyspace, read.Reverse, read.KeysOnly, read.Limit, read.PageBytes, read.Consistency));
            for (var length = 0; length < bytes.Length; length++)
                Assert.Throws<FormatException>(() => RequestCodec.DecodeRequest(bytes.AsMemory(0, length)));
        }
    }

    [Fact]
    public void A_page_has_golden_bytes_and_is_read_back()
    {
        var entries = new ArrayBufferWriter<byte>();
        ScanPageCodec.WriteEntry(entries, "k"u8, 7, "vv"u8);
        ScanPageCodec.WriteEntry(entries, "l"u8, 8, default);
        var bytes = ScanPageCodec.Join("t"u8, 2, entries.WrittenSpan);
        Assert.Equal(
            "0100000074" + "02000000" + "010000006b" + "0700000000000000" + "020000007676"
            + "010000006c" + "0800000000000000" + "00000000",
            Hex(bytes));
        var page = ScanPageCodec.Decode(bytes);
        Assert.Equal("t"u8.ToArray(), page.Token.ToArray());
        Assert.Equal([("k", 7ul, "vv"), ("l", 8ul, "")], page.Entries.Select(entry =>
            (Encoding.UTF8.GetString(entry.Key.Span), entry.Version,
                Encoding.UTF8.GetString(entry.Value.Span))));
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<FormatException>(() => ScanPageCodec.Decode(bytes.AsMemory(0, length)));
        Assert.Throws<FormatException>(() => ScanPageCodec.Decode((byte[])[.. bytes, 0]));
    }

    [Fact]
    public void A_token_has_golden_bytes_and_belongs_to_one_scan()
    {
        var scan = new ScanRequest { Key = "a"u8.ToArray(), End = "z"u8.ToArray() };
        var token = ScanToken.Make(scan, "k"u8);
        Assert.Equal("01" + "66c3b08b" + "6b" + "3fee1e2f", Hex(token));
        var range = ScanToken.RangeOf(scan with { Token = token, Limit = 3, KeysOnly = true, PageBytes = 9 });
        Assert.Equal(("6b", "7a"), (Hex(range.From.ToArray()), Hex(range.End.ToArray())));
        foreach (var other in new[] { scan with { Reverse = true }, scan with { Key = "b"u8.ToArray() },
            scan with { End = "y"u8.ToArray() }, scan with { Keyspace = "x" },
            scan with { Key = "az"u8.ToArray(), End = default } })
            Assert.Throws<FormatException>(() => ScanToken.RangeOf(other with { Token = token }));
        for (var bit = 0; bit < token.Length * 8; bit++)
        {
            var damaged = token.ToArray();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<FormatException>(() => ScanToken.RangeOf(scan with { Token = damaged }));
        }
    }

    [Fact]
    public void A_token_of_a_reverse_scan_ends_the_range()
    {
        var scan = new ScanRequest { Key = "a"u8.ToArray(), Reverse = true };
        var range = ScanToken.RangeOf(scan with { Token = ScanToken.Make(scan, "k"u8) });
        Assert.Equal(("61", "6b"), (Hex(range.From.ToArray()), Hex(range.End.ToArray())));
    }

    [Theory]
    [InlineData("61", "", "", "61", "62")]
    [InlineData("61ff", "", "", "61ff", "62")]
    [InlineData("ffff", "", "", "ffff", "")]
    [InlineData("", "61", "62", "61", "62")]
    [InlineData("61", "6162", "6163", "6162", "6163")]
    [InlineData("61", "60", "63", "61", "62")]
    [InlineData("61", "63", "", "63", "63")]
    [InlineData("61", "63", "62", "63", "62")]
    public void Prefix_and_bounds_are_one_range(
        string prefix, string from, string end, string begins, string ends)
    {
        var range = KeyRange.Of(
            Convert.FromHexString(prefix), Convert.FromHexString(from), Convert.FromHexString(end));
        Assert.Equal((begins, ends), (Hex(range.From.ToArray()), Hex(range.End.ToArray())));
        Assert.Equal(end == "62" && from == "63", range.IsReversed);
    }

    private static byte[] RequestBytes(Request request)
    {
        var writer = new ArrayBufferWriter<byte>();
        RequestCodec.Encode(request, writer);
        return writer.WrittenSpan.ToArray();
    }

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
