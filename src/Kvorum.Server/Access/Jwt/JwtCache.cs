using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Kvorum.Server.Access.Jwt;

/// <summary>The SHA-256 of a token, by which it is known again.</summary>
internal readonly record struct JwtDigest(UInt128 High, UInt128 Low)
{
    /// <summary>Of a token that <see cref="JwtToken.WhyNone"/> has nothing against.</summary>
    public static JwtDigest Of(string token)
    {
        Span<byte> letters = stackalloc byte[JwtToken.LengthMax];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        var count = Encoding.ASCII.GetBytes(token, letters);
        SHA256.HashData(letters[..count], hash);
        return new(
            BinaryPrimitives.ReadUInt128BigEndian(hash), BinaryPrimitives.ReadUInt128BigEndian(hash[16..]));
    }
}

/// <summary>
/// Tokens that one set of keys has accepted, each for a minute and not beyond its end: a signature costs
/// 50 to 120 microseconds, a look one or two. Refused ones are not kept, since anybody can make more of
/// them. Bounded by two generations: when the younger is full, it becomes the older, and the older goes. Any
/// thread.
/// </summary>
internal sealed class JwtCache(JwtKeySet keys, int generationMax = JwtCache.GenerationMax)
{
    /// <summary>Tokens of a generation: a few megabytes, about 60 if all are of full length.</summary>
    public const int GenerationMax = 2048;

    /// <summary>How long a token is kept.</summary>
    public static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(60);

    private readonly Lock _gate = new();
    private volatile Generation _young = new();
    private volatile Generation _old = new();

    /// <summary>The keys that have accepted them.</summary>
    public JwtKeySet Keys => keys;

    /// <summary>Tokens that are kept.</summary>
    public int Count => _young.Kept.Count + _old.Kept.Count;

    /// <summary>What became of the token; null if it is to be checked.</summary>
    public JwtResult? Find(JwtDigest digest, DateTimeOffset now) =>
        (_young.Kept.TryGetValue(digest, out var kept) || _old.Kept.TryGetValue(digest, out kept))
        && kept.From <= now && now < kept.Until ? kept.Result : null;

    /// <summary>The token was accepted at that time.</summary>
    public void Add(JwtDigest digest, JwtResult result, DateTimeOffset now)
    {
        var until = now + KeptFor;
        if (result.Expires < until)
            until = result.Expires;
        if (until <= now)
            return;
        var young = _young;
        young.Kept[digest] = new(result, now, until);
        if (Interlocked.Increment(ref young.Added) < generationMax)
            return;
        lock (_gate)
        {
            if (_young == young)
                (_old, _young) = (young, new());
        }
    }

    private readonly record struct Entry(JwtResult Result, DateTimeOffset From, DateTimeOffset Until);

    private sealed class Generation
    {
        public readonly ConcurrentDictionary<JwtDigest, Entry> Kept = new();

        public int Added;
    }
}
