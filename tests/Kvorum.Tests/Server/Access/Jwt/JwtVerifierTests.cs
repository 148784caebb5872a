using Kvorum.Server.Access.Jwt;
using Kvorum.Tests.Cli;
using static Kvorum.Tests.Server.Access.Jwt.TokenIssuer;

namespace Kvorum.Tests.Server.Access.Jwt;

public sealed class JwtVerifierTests : IAsyncDisposable
{
    private readonly JwtRoom _room = new();

    public static TheoryData<string> Bad => [.. BadTokens.All.Keys];

    public static TheoryData<string> Algorithms => [.. JwtOptions.AlgorithmsKnown];

    public ValueTask DisposeAsync() => _room.DisposeAsync();

    [Theory]
    [MemberData(nameof(Bad))]
    public void A_bad_token_is_refused_for_its_fault(string title)
    {
        var (token, why) = BadTokens.All[title];
        var result = _room.Verify(token);
        Assert.False(result.IsAccepted);
        Assert.Null(result.Name);
        Assert.Empty(result.Roles);
        Assert.Contains(why, result.Why, StringComparison.Ordinal);
        Assert.InRange(result.Why.Length, 5, 400);
        Assert.DoesNotContain(result.Why, char.IsControl);
        // And no second time either.
        Assert.False(_room.Verify(token).IsAccepted);
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public async Task A_token_of_each_algorithm_is_accepted_where_it_is_allowed(string algorithm)
    {
        var kid = algorithm switch { "ES256" => "p256", "ES384" => "p384", "ES512" => "p521", _ => "rsa" };
        var token = Token(Header(algorithm, kid, ",\"typ\":\"at+jwt\""), Claims(), algorithm);
        await using var all = new JwtRoom(
            change: static o => o with { Algorithms = JwtOptions.AlgorithmsKnown });
        var result = all.Verify(token);
        Assert.Null(result.Why);
        Assert.Equal(
            ("shop", "writer reader", Now.AddSeconds(600)),
            (result.Name, string.Join(' ', result.Roles), result.Expires));
        Assert.Equal(
            JwtOptions.AlgorithmsDefault.Split(',').Contains(algorithm), _room.Verify(token).IsAccepted);
    }

    public static TheoryData<string, string?, string> GoodClaims => new()
    {
        { "roles", null, "shop: " },
        { "roles", "[]", "shop: " },
        { "roles", "\"\"", "shop: " },
        { "roles", "\"writer\"", "shop: writer" },
        { "roles", "\" a  b a \"", "shop: a|b" },
        { "roles", """["b c","a","b c"]""", "shop: b c|a" },
        { "sub", """ "J\u00f6rg \ud83d\udc0c" """, "J\u00f6rg \ud83d\udc0c: writer|reader" },
        { "aud", """["other","kvorum"]""", "shop: writer|reader" },
        { "exp", At(-59), "shop: writer|reader" },
        { "exp", At(60.5), "shop: writer|reader" },
        { "exp", "253402300799", "shop: writer|reader" },
        { "nbf", At(60), "shop: writer|reader" },
        { "iat", At(60), "shop: writer|reader" },
        { "iat", null, "shop: writer|reader" },
        { "other", """{"a":[1,{"b":null}]}""", "shop: writer|reader" },
    };

    [Theory]
    [MemberData(nameof(GoodClaims))]
    public void A_good_token_names_its_holder(string claim, string? json, string expected)
    {
        var result = _room.Verify(Good((claim, json)));
        Assert.Null(result.Why);
        Assert.Equal(expected, $"{result.Name}: {string.Join('|', result.Roles)}");
    }

    [Fact]
    public async Task Other_claims_can_be_name_and_roles_and_the_skew_none()
    {
        await using var room = new JwtRoom(change: static o => o with
        {
            NameClaim = "https://issuer.example/name",
            RolesClaim = "groups",
            ClockSkew = TimeSpan.Zero,
        });
        var result = room.Verify(Good(
            ("https://issuer.example/name", "\"joe\""), ("groups", "[\"g\"]"), ("exp", At(1))));
        Assert.Equal(("joe", "g"), (result.Name, string.Join('|', result.Roles)));
        Assert.Contains("expired", room.Verify(Good(
            ("https://issuer.example/name", "\"joe\""), ("exp", At(0)))).Why, StringComparison.Ordinal);
        Assert.Contains("has no 'https://issuer.example/name'", room.Verify(Good()).Why,
            StringComparison.Ordinal);
    }

    /// <summary>
    /// Nothing may be changed, not even bits that carry nothing in the last letter of a part.
    /// </summary>
    [Theory]
    [InlineData("RS256", "rsa")]
    [InlineData("ES256", "p256")]
    public void A_token_with_another_letter_is_refused(string algorithm, string kid)
    {
        var token = Token(Header(algorithm, kid), Claims(), algorithm);
        Assert.True(_room.Verify(token).IsAccepted);
        const string some = "ABg9_.";
        const string all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        for (var at = 0; at < token.Length; at++)
        {
            foreach (var letter in at == token.Length - 1 || token[at + 1] == '.' ? all : some)
            {
                if (token[at] == letter)
                    continue;
                var changed = $"{token[..at]}{letter}{token[(at + 1)..]}";
                Assert.False(_room.Verify(changed).IsAccepted, $"'{letter}' at {at} of {token}");
            }
        }
    }

    /// <summary>Headers and payloads of arbitrary bytes end in a refusal, never in an exception.</summary>
    [Fact]
    public void Garbage_that_is_signed_is_refused()
    {
        var random = new Random(1);
        var header = System.Text.Encoding.UTF8.GetBytes(Header());
        var claims = System.Text.Encoding.UTF8.GetBytes(Claims(("nbf", "0"), ("a", @"""\ud83d\udc0c""")));
        var accepted = 0;
        for (var n = 0; n < 3000; n++)
        {
            byte[] changed = [.. claims], head = [.. header];
            for (var k = random.Next(1, 4); k > 0; k--)
                changed[random.Next(changed.Length)] = (byte)random.Next(n % 2 == 0 ? 256 : 128);
            if (n % 8 == 0)
                head[random.Next(head.Length)] = (byte)random.Next(128);
            var result = _room.Verify(Token(head, changed, static signed => Sign("RS256", signed)));
            Assert.True(result.IsAccepted != (result.Why is not null));
            accepted += result.IsAccepted ? 1 : 0;
        }

        // Some changes do no harm.
        Assert.InRange(accepted, 1, 1500);
    }

    /// <summary>What the page tells people to type makes a token that is accepted.</summary>
    [Fact]
    public async Task The_example_of_the_page_works()
    {
        var page = House.House.Read("docs/security.md");
        var start = page.IndexOf("base64url() {", StringComparison.Ordinal);
        var script = page[start..page.IndexOf("```", start, StringComparison.Ordinal)];
        var folder = Directory.CreateTempSubdirectory("kvorum-jwt-").FullName;
        try
        {
            var (code, _, errors) = await Shell.Run($"set -e -o pipefail; cd '{folder}'\n{script}");
            Assert.True(code == 0, errors);
            var token = File.ReadAllText(Path.Combine(folder, "token")).Trim();
            await using var room = new JwtRoom(File.ReadAllText(Path.Combine(folder, "jwks.json")));
            room.Time.AdjustTime(DateTimeOffset.UtcNow);
            var result = room.Verify(token);
            Assert.Null(result.Why);
            Assert.Equal(("shop", "writer"), (result.Name, Assert.Single(result.Roles)));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
