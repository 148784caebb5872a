using System.Text;

namespace Kvorum.Server.Access.Jwt;

/// <summary>
/// Tokens that one set of keys has accepted, each for a minute and not beyond its end: a signature costs
/// 50 to 120 microseconds, a look one or two. Refused ones are not kept, since anybody can make more of
/// them. Any thread.
/// </summary>
internal sealed class JwtCache(JwtKeySet keys, int generationMax = JwtCache.GenerationMax)
{
    /// <summary>Tokens of a generation: a few megabytes, about 60 if all are of full length.</summary>
    public const int GenerationMax = 2048;

    /// <summary>How long a token is kept.</summary>
    public static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(60);

    private readonly TwoGenerations<Digest, Entry> _kept = new(generationMax);

    /// <summary>The keys that have accepted them.</summary>
    public JwtKeySet Keys => keys;

    /// <summary>Tokens that are kept.</summary>
    public int Count => _kept.Count;

    /// <summary>By what a token is known again that <see cref="JwtToken.WhyNone"/> has nothing against.
    /// </summary>
    public static Digest DigestOf(string token)
    {
        Span<byte> letters = stackalloc byte[JwtToken.LengthMax];
        return Digest.Of(letters[..Encoding.ASCII.GetBytes(token, letters)]);
    }

    /// <summary>What became of the token; null if it is to be checked.</summary>
    public JwtResult? Find(Digest digest, DateTimeOffset now) =>
        _kept.TryFind(digest, out var kept) && kept.From <= now && now < kept.Until ? kept.Result : null;

    /// <summary>The token was accepted at that time.</summary>
    public void Add(Digest digest, JwtResult result, DateTimeOffset now)
    {
        var until = now + KeptFor;
        if (result.Expires < until)
            until = result.Expires;
        if (until > now)
            _kept.Add(digest, new(result, now, until));
    }

    private readonly record struct Entry(JwtResult Result, DateTimeOffset From, DateTimeOffset Until);
}
