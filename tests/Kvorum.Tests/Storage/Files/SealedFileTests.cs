using Kvorum.Storage.Encryption;
using Kvorum.Storage.Files;

namespace Kvorum.Tests.Storage.Files;

public class SealedFileTests
{
    private const string Golden =
        "e44f305bf6c6723f4901d58246356f51cde55c6306b46a1b04282663a451063d004e1b2d1ebc495c" +
        "d6cd28a940";

    private readonly CrashFileSystem _disk = new();
    private readonly DataKeys _keys = TestKeys.Of(0x0102030405060708, 0x0102030405060708);

    [Fact]
    public void Golden_bytes_of_an_encrypted_file()
    {
        Write("a", "hello"u8.ToArray(), 5);
        Assert.Equal(
            // magic, version, data key, salt, crc; text, tag, crc
            "4b564f52554d5345" + "01000000" + "0807060504030201" + Golden,
            Convert.ToHexStringLower(_disk.ReadAll("a")));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(8192)]
    [InlineData(50_001)]
    public void What_is_written_in_any_pieces_is_read_in_any(int length)
    {
        var text = new byte[length];
        new Random(length).NextBytes(text);
        foreach (var piece in new[] { 1, 1000, 4096, 5000, 13_000, length }.Distinct())
        {
            var name = $"{length} {piece}";
            Write(name, text, piece);
            using var file = Open(name);
            Assert.Equal(length, file.Length);
            foreach (var (offset, bytes) in new[]
            {
                (0, length), (length - 1, 1), (length / 2, length), (length / 3, 100), (4095, 2), (length, 1),
            })
            {
                var into = new byte[bytes];
                var expected = text.AsSpan(Math.Min(offset, length));
                expected = expected[..Math.Min(bytes, expected.Length)];
                Assert.Equal(expected.Length, file.Read(offset, into));
                Assert.Equal(expected, into.AsSpan(0, expected.Length));
            }
        }
    }

    [Fact]
    public void A_write_that_found_no_room_can_be_made_again()
    {
        var text = new byte[20_000];
        new Random(1).NextBytes(text);
        _disk.BytesMax = 6000;
        using (var file = SealedFile.Begin(_disk.Create("a"), _keys, "a"))
        {
            file.Write(0, text.AsSpan(0, 3000));
            Assert.ThrowsAny<IOException>(() => file.Write(3000, text.AsSpan(3000)));
            Assert.Equal(3000, file.Length);
            _disk.BytesMax = long.MaxValue;
            file.Write(3000, text.AsSpan(3000));
            file.Sync();
            Assert.Throws<InvalidOperationException>(() => file.Write(20_000, "x"u8));
            Assert.Throws<InvalidOperationException>(() => file.Write(0, "x"u8));
        }

        using var read = Open("a");
        var into = new byte[20_000];
        Assert.Equal(20_000, read.Read(0, into));
        Assert.Equal(text, into);
    }

    // Damage must reach the checksums in the text: it reads as other bytes there, and no error of a key.
    [Fact]
    public void A_flipped_bit_reads_as_other_bytes_of_its_chunk_only()
    {
        var text = new byte[3 * SealedFile.ChunkBytes];
        Write("a", text, text.Length);
        var whole = _disk.ReadAll("a");
        for (var at = SealedFile.HeadBytes; at < whole.Length; at += 97)
        {
            var damaged = whole.ToArray();
            damaged[at] ^= 1;
            _disk.WriteAll("a", damaged);
            using var file = Open("a");
            var into = new byte[text.Length];
            file.Read(0, into);
            var chunk = (at - SealedFile.HeadBytes) / 4116;
            for (var other = 0; other < 3; other++)
            {
                var part = into.AsSpan(other * SealedFile.ChunkBytes, SealedFile.ChunkBytes);
                Assert.Equal(other == chunk, part.ContainsAnyExcept((byte)0));
            }
        }
    }

    [Fact]
    public void Chunks_in_another_order_are_damage()
    {
        var text = new byte[2 * SealedFile.ChunkBytes];
        Write("a", text, text.Length);
        var bytes = _disk.ReadAll("a");
        byte[] swapped = [.. bytes[..40], .. bytes[(40 + 4116)..], .. bytes[40..(40 + 4116)]];
        _disk.WriteAll("a", swapped);
        using var file = Open("a");
        var into = new byte[text.Length];
        file.Read(0, into);
        Assert.True(into.AsSpan(0, 4096).ContainsAnyExcept((byte)0));
    }

    [Fact]
    public void A_wrong_key_behind_a_right_checksum_is_an_error_that_names_file_and_key()
    {
        Write("a", "hello"u8.ToArray(), 5);
        DataKeys other = new(
            new Dictionary<ulong, byte[]> { [_keys.Current] = new byte[32] }, 0, TestKeys.Random(1));
        using var file = SealedFile.Open(_disk.Open("a", forWriting: false), other, "a");
        var error = Assert.Throws<KeyException>(() => file.Read(0, new byte[5]));
        Assert.Contains("a: the checksum of the bytes at offset 40 is right", error.Message,
            StringComparison.Ordinal);
        Assert.Contains("0102030405060708", error.Message, StringComparison.Ordinal);
        Assert.Equal(DiskErrorKind.OtherKey, DiskErrors.KindOf(error));
        Assert.Throws<KeyException>(() => SealedFile.Open(_disk.Open("a", forWriting: false), null, "a"));
    }

    [Fact]
    public void Without_a_key_to_write_with_a_file_stays_as_it_is()
    {
        using var file = _disk.Create("a");
        Assert.Same(file, SealedFile.Begin(file, null, "a"));
        Assert.Same(file, SealedFile.Begin(file, TestKeys.Of(0, 7), "a"));
        file.Write(0, new byte[100]);
        Assert.Same(file, SealedFile.Open(file, _keys, "a"));
    }

    private void Write(string name, byte[] text, int piece)
    {
        using var file = SealedFile.Begin(_disk.Create(name), _keys, name);
        for (var at = 0; at < text.Length; at += piece)
            file.Write(at, text.AsSpan(at, Math.Min(piece, text.Length - at)));
        file.Sync();
    }

    private IFile Open(string name) => SealedFile.Open(_disk.Open(name, forWriting: false), _keys, name);
}
