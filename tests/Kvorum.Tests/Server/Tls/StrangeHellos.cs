using System.Net.Security;

namespace Kvorum.Tests.Server.Tls;

/// <summary>The first record of a real TLS client, and what becomes of it on a bad way.</summary>
internal static class StrangeHellos
{
    /// <summary>A ClientHello as the runtime sends it.</summary>
    public static async Task<byte[]> Real()
    {
        var sent = new MemoryStream();
        await using var client = new SslStream(new OneWay(sent));
        await Assert.ThrowsAnyAsync<IOException>(() => client.AuthenticateAsClientAsync("localhost"));
        Assert.Equal(0x16, sent.GetBuffer()[0]);
        return sent.ToArray();
    }

    /// <summary>One of many ways to spoil it.</summary>
    public static byte[] Spoilt(byte[] hello, int kind, Random random)
    {
        var bytes = hello.ToArray();
        switch (kind % 10)
        {
            case 0: // Bits anywhere.
                for (var n = random.Next(1, 9); n > 0; n--)
                    bytes[random.Next(1, bytes.Length)] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 1: // A byte of a length, mostly.
                bytes[random.Next(3, 60)] = (byte)random.Next(256);
                return bytes;
            case 2:
                return bytes[..random.Next(1, bytes.Length)];
            case 3:
                return [.. bytes, .. Noise(random, 300)];
            case 4: // Another hello, where the answer is due.
                return [.. bytes, .. bytes];
            case 5: // A record of the greatest length that is written down, and nothing behind.
                return [0x16, 3, 1, 0xff, 0xff, .. bytes[5..]];
            case 6: // One byte in each record.
                return [.. bytes[5..].SelectMany(static one => new byte[] { 0x16, 3, 1, 0, 1, one })];
            case 7: // Records without anything, before and after.
                byte[] empty = [.. Enumerable.Repeat(new byte[] { 0x16, 3, 3, 0, 0 }, 500).SelectMany(
                    static record => record)];
                return random.Next(2) == 0 ? [.. empty, .. bytes] : [.. bytes, .. empty];
            case 8: // Of another kind or version.
                (bytes[1], bytes[2], bytes[5]) =
                    ((byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256));
                return bytes;
            default: // A part is cut out of it, and lengths say otherwise.
                var at = random.Next(5, bytes.Length - 1);
                return [.. bytes[..at], .. bytes[random.Next(at, bytes.Length)..]];
        }
    }

    private static byte[] Noise(Random random, int most)
    {
        var noise = new byte[random.Next(1, most)];
        random.NextBytes(noise);
        return noise;
    }

    /// <summary>Keeps what is written, and has nothing to say.</summary>
    private sealed class OneWay(MemoryStream sent) : Stream
    {
        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => 0;

        public override void Write(byte[] buffer, int offset, int count) => sent.Write(buffer, offset, count);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
