using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Kvorum.Server.Access.Jwt;

/// <summary>
/// Checks JSON Web Tokens (RFC 7519, RFC 8725). A token is read strictly first, and only one that is for
/// this cluster, now, and by a known key has its signature checked, by Microsoft's library, which checks the
/// rest once more. Nothing is fetched while a token is checked. Any thread.
/// </summary>
internal sealed class JwtVerifier : IAsyncDisposable
{
    /// <summary>All that the sender of a token hears of why it is refused.</summary>
    public const string Refusal = "the token is not accepted";

    private readonly JwtOptions _options;
    private readonly JwtKeys _keys;
    private readonly JsonWebTokenHandler _library = new() { MaximumTokenSizeInBytes = JwtToken.LengthMax };
    private volatile JwtCache _cache;

    /// <summary><see cref="JwtKeysException"/> if a file of keys cannot be used.</summary>
    public JwtVerifier(JwtOptions options, TimeProvider time, ILogger log)
        : this(options, new JwtKeys(options.Keys, time, log))
    {
    }

    /// <summary>The keys are closed with it.</summary>
    internal JwtVerifier(JwtOptions options, JwtKeys keys)
    {
        (_options, _keys) = (options, keys);
        _cache = new(keys.Now);
    }

    /// <summary>For how long a token is accepted behind its end.</summary>
    public TimeSpan ClockSkew => _options.ClockSkew;

    /// <summary>What an operator should act on, a sentence each.</summary>
    public IReadOnlyList<string> HealthIssues => _keys.HealthIssues;

    /// <summary>Whom the token names, or why it is refused. It takes a signature check, or a look.</summary>
    public JwtResult Verify(string token, DateTimeOffset now)
    {
        if (JwtToken.WhyNone(token) is { } why)
            return JwtResult.Refused(why);
        var digest = JwtCache.DigestOf(token);
        var cache = CacheOf(_keys.Now);
        if (cache.Find(digest, now) is { } known)
            return known;
        var result = Check(token, cache.Keys, now);
        if (result.IsAccepted)
            cache.Add(digest, result, now);
        return result;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _keys.DisposeAsync();

    // What other keys have accepted goes with them.
    private JwtCache CacheOf(JwtKeySet keys)
    {
        var cache = _cache;
        return cache.Keys == keys ? cache : _cache = new(keys);
    }

    private JwtResult Check(string token, JwtKeySet keys, DateTimeOffset now)
    {
        JwtToken read;
        try
        {
            read = JwtToken.Read(token, _options);
        }
        catch (FormatException e)
        {
            return JwtResult.Refused(e.Message);
        }

        if (!_options.Algorithms.Contains(read.Algorithm, StringComparer.Ordinal))
            return JwtResult.Refused($"its algorithm {PlainText.Quoted(read.Algorithm)} is not allowed");
        if (read.WhyNot(_options, now) is { } why)
            return JwtResult.Refused(why);
        if (keys.Find(read.KeyName) is not { } key)
        {
            _keys.TellLacking(keys);
            return JwtResult.Refused(keys.WhyNone(read.KeyName));
        }

        if (!key.Algorithms.Contains(read.Algorithm, StringComparer.Ordinal))
        {
            return JwtResult.Refused(
                $"its algorithm {read.Algorithm} is not one of its key {PlainText.Quoted(key.Name)}");
        }

        return WhyUnsigned(token, read, key, now) is { } unsigned ? JwtResult.Refused(unsigned)
            : JwtResult.Accepted(read.Name, read.Roles, read.Expires);
    }

    private string? WhyUnsigned(string token, JwtToken read, JwtKey key, DateTimeOffset now)
    {
        var checking = _library.ValidateTokenAsync(token, Parameters(read, key, now));
        // It waits only for keys that it fetches itself, and it is given none to fetch.
        if (!checking.IsCompletedSuccessfully)
            return "the library did not check it at once";
        return checking.Result switch
        {
            { IsValid: true } => null,
            { Exception: SecurityTokenInvalidSignatureException } =>
                $"its signature is not one by its key {PlainText.Quoted(key.Name)}",
            { Exception: ArgumentException or SecurityTokenMalformedException } =>
                "one of its registered claims is not as RFC 7519 has it",
            var other => $"the library refuses it: {other.Exception?.GetType().Name}",
        };
    }

    // What the library does not check unless told so, and what it takes more laxly, is said.
    private TokenValidationParameters Parameters(JwtToken read, JwtKey key, DateTimeOffset now) => new()
    {
        RequireSignedTokens = true,
        ValidateIssuerSigningKey = true,
        TryAllIssuerSigningKeys = false,
        IssuerSigningKeyResolver = (_, _, _, _) => [key.Key],
        ValidAlgorithms = [read.Algorithm],
        ValidateIssuer = true,
        ValidIssuer = _options.Issuer,
        RequireAudience = true,
        ValidateAudience = true,
        ValidAudience = _options.Audience,
        IgnoreTrailingSlashWhenValidatingAudience = false,
        RequireExpirationTime = true,
        ValidateLifetime = true,
        // By the caller's clock.
        LifetimeValidator = (notBefore, expires, _, _) => expires > (now - _options.ClockSkew).UtcDateTime
            && (notBefore is null || notBefore <= (now + _options.ClockSkew).UtcDateTime),
        IncludeTokenOnFailedValidation = false,
        LogTokenId = false,
        LogValidationExceptions = false,
        SaveSigninToken = false,
    };
}
