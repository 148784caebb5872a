using Kvorum.Server.Access.Jwt;
using Kvorum.Server.Hosting;
using Kvorum.Tests.Server.Listeners;

namespace Kvorum.Tests.Server.Hosting;

public class JwtRulesTests
{
    private static readonly ServerOptions Good = new()
    {
        JwtIssuer = "https://issuer.example",
        JwtAudience = "kvorum",
        JwtKeys = "jwks.json",
    };

    public static TheoryData<ServerOptions, string> Mistakes => new()
    {
        { Good with { JwtKeys = "" }, "--jwt-keys is missing: --jwt-issuer, --jwt-audience and --jwt-keys" },
        { Good with { JwtIssuer = "", JwtKeys = "" }, "--jwt-issuer and --jwt-keys is missing" },
        { Good with { JwtAudience = "" }, "--jwt-audience is missing" },
        { Good with { JwtIssuer = "a\nb" }, "--jwt-issuer: it has 3 characters" },
        { Good with { JwtAudience = new('a', 1025) }, "--jwt-audience: it has 1025 characters" },
        { Good with { JwtAlgorithms = "" }, "--jwt-algorithms '': give some of RS256,RS384" },
        { Good with { JwtAlgorithms = "none" }, "--jwt-algorithms 'none': give some of" },
        { Good with { JwtAlgorithms = "RS256,HS256" }, "--jwt-algorithms 'RS256,HS256': give some of" },
        { Good with { JwtAlgorithms = "rs256" }, "--jwt-algorithms 'rs256': give some of" },
        { Good with { JwtAlgorithms = "EdDSA" }, "--jwt-algorithms 'EdDSA': give some of" },
        { Good with { JwtClockSkew = TimeSpan.FromSeconds(301) }, "--jwt-clock-skew 301s: give 0ms to 300s" },
        { Good with { JwtClockSkew = TimeSpan.FromSeconds(-1) }, "--jwt-clock-skew -1000ms: give 0ms to" },
        { Good with { JwtNameClaim = "" }, "--jwt-name-claim '': give the name of a claim" },
        { Good with { JwtRolesClaim = "a\0" }, "--jwt-roles-claim 'a\0': give the name of a claim" },
        { Good with { JwtKeys = "http://issuer.example/k" }, "--jwt-keys 'http://issuer.example/k': give a" },
        { Good with { JwtKeys = "http://127.0.0.1.example/k" }, "a URL with https (http for this machine" },
        { Good with { JwtKeys = "http://localhost.example/k" }, "a URL with https" },
        { Good with { JwtKeys = "http://localhost@issuer.example/k" }, "a URL with https" },
        { Good with { JwtKeys = "https://user:secret@issuer.example/k" }, "without a password" },
        { Good with { JwtKeys = "https://issuer.example/k#1" }, "without '#'" },
        { Good with { JwtKeys = "https:///k" }, "a URL with https" },
        { Good with { JwtKeys = "ftp://issuer.example/k" }, "a URL with https" },
        { Good with { JwtKeys = "file:///etc/jwks.json" }, "a URL with https" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_told_with_its_flag(ServerOptions options, string told) =>
        Assert.Contains(told, Assert.Single(options.Validate()), StringComparison.Ordinal);

    [Theory]
    [InlineData("https://issuer.example/keys?v=1")]
    [InlineData("https://10.1.2.3:8443/keys")]
    [InlineData("http://localhost:8080/keys")]
    [InlineData("http://127.0.0.1/keys")]
    [InlineData("http://[::1]:8080/keys")]
    [InlineData("/etc/kvorum/jwks.json")]
    public void Good_ones_are_taken(string keys)
    {
        var options = Good with
        {
            JwtKeys = keys,
            JwtAlgorithms = " ES256 , PS512,",
            JwtClockSkew = TimeSpan.FromMinutes(5),
            JwtNameClaim = "email",
            JwtRolesClaim = "groups",
        };
        Assert.Empty(options.Validate());
        var read = JwtRules.Options(options);
        Assert.Equal(
            ("https://issuer.example", "kvorum", keys, "ES256 PS512", 300, "email", "groups"),
            (read.Issuer, read.Audience, read.Keys, string.Join(' ', read.Algorithms),
                read.ClockSkew.TotalSeconds, read.NameClaim, read.RolesClaim));
    }

    [Fact]
    public async Task There_is_a_verifier_where_tokens_are_accepted_and_a_bad_file_ends_the_start()
    {
        using var log = new KeptLines();
        Assert.Null(JwtRules.Verifier(new(), log));
        var refused = Assert.Throws<ServerStartException>(
            () => JwtRules.Verifier(Good with { JwtKeys = "no-such-file.json" }, log));
        Assert.StartsWith(
            "--jwt-keys no-such-file.json cannot be used", refused.Message, StringComparison.Ordinal);
        await using var verifier = JwtRules.Verifier(Good with { JwtKeys = "https://127.0.0.1:1/" }, log);
        Assert.NotNull(verifier);
        Assert.Equal("the token is not accepted", JwtVerifier.Refusal);
    }
}
