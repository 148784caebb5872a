using System.Text;
using Kvorum.Node.Export;

namespace Kvorum.Tests.Node.Export;

public class WalFileTests
{
    private readonly CrashFileSystem _disk = new();

    // Put hello world, as the layout spells it, and a delete.
    private const string Golden = "01" + "05000000" + "68656c6c6f" + "05000000" + "776f726c64"
        + "02" + "05000000" + "68656c6c6f" + "00000000";

    [Fact]
    public void Records_are_the_bytes_of_the_layout()
    {
        using (var file = _disk.Create("wal"))
        {
            var writer = new WalWriter(file);
            writer.Add(isDelete: false, "hello"u8, "world"u8);
            writer.Add(isDelete: true, "hello"u8, default);
            writer.Finish();
        }

        Assert.Equal(Golden, Convert.ToHexStringLower(_disk.ReadAll("wal")));
        Assert.Equal(["put hello=world", "delete hello="], Read());
    }

    [Fact]
    public void Records_of_any_size_come_back_as_they_were()
    {
        var random = new Random(7);
        List<string> wanted = [];
        var bytes = new MemoryStream();
        for (var i = 0; i < 200; i++)
        {
            // Some are larger than what is read at once.
            var value = new string((char)('a' + (i % 26)), random.Next(i % 50 == 0 ? 2_000_000 : 300));
            var isDelete = i % 5 == 0;
            var key = $"key-{i}";
            Append(bytes, isDelete ? (byte)2 : (byte)1, key, isDelete ? "" : value);
            wanted.Add(isDelete ? $"delete {key}=" : $"put {key}={value}");
        }

        _disk.WriteAll("wal", bytes.ToArray());
        Assert.Equal(wanted, Read());

        using var reading = _disk.Open("wal", forWriting: false);
        using (var file = _disk.Create("again"))
        {
            var reader = new WalReader(reading);
            var writer = new WalWriter(file);
            while (reader.Next() is { } operation)
                writer.Add(operation.IsDelete, operation.Key.Span, operation.Value.Span);
            writer.Finish();
        }

        Assert.Equal(bytes.ToArray(), _disk.ReadAll("again"));
    }

    [Fact]
    public void A_file_cut_anywhere_but_between_records_is_refused_with_the_offset()
    {
        var whole = Convert.FromHexString(Golden);
        for (var length = 0; length < whole.Length; length++)
        {
            _disk.WriteAll("wal", whole[..length]);
            if (length is 0 or 19)
            {
                Assert.Equal(length == 0 ? 0 : 1, Read().Count);
                continue;
            }

            var refused = Assert.Throws<FormatException>(() => Read());
            Assert.Contains($"offset {(length < 19 ? 0 : 19)} ", refused.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("00" + "01000000" + "61" + "00000000", "0x00 is no operation")]
    [InlineData("03" + "01000000" + "61" + "00000000", "0x03 is no operation")]
    [InlineData("01" + "00000000" + "00000000", "the key is empty")]
    [InlineData("01" + "01100000" + "61" + "00000000", "a key of 4097 bytes, the bound is 4096")]
    [InlineData("01" + "ffffffff" + "61" + "00000000", "a key of 4294967295 bytes")]
    [InlineData("01" + "01000000" + "61" + "ffffffff", "a value of 4294967295 bytes")]
    [InlineData("01" + "01000000" + "61" + "00000040" + "61", "a value of 1073741824 bytes")]
    [InlineData("02" + "01000000" + "61" + "01000000" + "61", "a delete with a value of 1 bytes")]
    public void What_is_no_record_is_refused(string hex, string what)
    {
        _disk.WriteAll("wal", Convert.FromHexString(Golden + hex));
        var refused = Assert.Throws<FormatException>(() => Read());
        Assert.Contains($"offset 33 is damaged: {what}", refused.Message, StringComparison.Ordinal);
    }

    private List<string> Read()
    {
        using var file = _disk.Open("wal", forWriting: false);
        var reader = new WalReader(file);
        List<string> found = [];
        while (reader.Next() is { } operation)
        {
            found.Add((operation.IsDelete ? "delete " : "put ") + Encoding.UTF8.GetString(operation.Key.Span)
                + "=" + Encoding.UTF8.GetString(operation.Value.Span));
        }

        return found;
    }

    // The layout again, by other means than the writer's.
    private static void Append(MemoryStream into, byte op, string key, string value)
    {
        using var writer = new BinaryWriter(into, Encoding.UTF8, leaveOpen: true);
        writer.Write(op);
        writer.Write((uint)key.Length);
        writer.Write(Encoding.UTF8.GetBytes(key));
        writer.Write((uint)value.Length);
        writer.Write(Encoding.UTF8.GetBytes(value));
    }
}
