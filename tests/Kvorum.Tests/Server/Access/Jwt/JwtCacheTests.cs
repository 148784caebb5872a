using Kvorum.Server.Access.Jwt;
using static Kvorum.Tests.Server.Access.Jwt.TokenIssuer;

namespace Kvorum.Tests.Server.Access.Jwt;

public sealed class JwtCacheTests : IAsyncDisposable
{
    private readonly JwtRoom _room = new();

    public ValueTask DisposeAsync() => _room.DisposeAsync();

    [Fact]
    public void A_token_is_checked_once_a_minute()
    {
        var token = Good(("exp", At(1000)));
        var first = _room.Verify(token);
        Assert.True(first.IsAccepted);
        _room.Time.Advance(JwtCache.KeptFor - TimeSpan.FromTicks(1));
        Assert.Same(first, _room.Verify(token));
        _room.Time.Advance(TimeSpan.FromTicks(1));
        Assert.NotSame(first, _room.Verify(token));
    }

    [Fact]
    public void After_its_end_it_is_checked_each_time()
    {
        var token = Good(("exp", At(10)));
        var first = _room.Verify(token);
        _room.Time.Advance(TimeSpan.FromSeconds(10) - TimeSpan.FromTicks(1));
        Assert.Same(first, _room.Verify(token));
        _room.Time.Advance(TimeSpan.FromTicks(1));
        var late = _room.Verify(token);
        Assert.True(late.IsAccepted);
        Assert.NotSame(late, first);
        Assert.NotSame(late, _room.Verify(token));
        _room.Time.Advance(TimeSpan.FromSeconds(60));
        Assert.False(_room.Verify(token).IsAccepted);
    }

    /// <summary>Or a token would be accepted before its time.</summary>
    [Fact]
    public async Task A_clock_that_is_set_back_makes_it_checked_again()
    {
        await using var verifier = new JwtVerifier(
            new() { Issuer = Issuer, Audience = Audience, Keys = _room.KeyFile }, _room.Time, _room.Log);
        var token = Good(("nbf", At(0)));
        Assert.True(verifier.Verify(token, Now).IsAccepted);
        Assert.False(verifier.Verify(token, Now.AddSeconds(-61)).IsAccepted);
    }

    [Fact]
    public void Tokens_of_one_beginning_are_not_mixed_up()
    {
        Assert.Equal("a", _room.Verify(Good(("sub", "\"a\""))).Name);
        Assert.Equal("b", _room.Verify(Good(("sub", "\"b\""))).Name);
        Assert.Equal("a", _room.Verify(Good(("sub", "\"a\""))).Name);
    }

    [Fact]
    public void It_holds_two_generations_at_most()
    {
        var cache = new JwtCache(JwtKeySet.Empty, generationMax: 10);
        var result = JwtResult.Accepted("a", [], Now.AddHours(1));
        for (var n = 0; n < 1000; n++)
        {
            var digest = JwtCache.DigestOf($"{n}");
            cache.Add(digest, result, Now);
            Assert.Same(result, cache.Find(digest, Now));
            Assert.InRange(cache.Count, 1, 20);
        }

        Assert.Null(cache.Find(JwtCache.DigestOf("0"), Now));
        Assert.NotNull(cache.Find(JwtCache.DigestOf("990"), Now));
    }

    [Fact]
    public async Task Many_threads_hear_the_same()
    {
        string[] tokens = [.. Enumerable.Range(0, 40).Select(n => Good(("sub", Text($"client-{n}"))))];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, 4), TestContext.Current.CancellationToken, (thread, _) =>
            {
                for (var n = 0; n < 400; n++)
                {
                    var at = (n + (thread * 7)) % tokens.Length;
                    Assert.Equal($"client-{at}", _room.Verify(tokens[at]).Name);
                    Assert.False(_room.Verify(tokens[at][..^4]).IsAccepted);
                }

                return ValueTask.CompletedTask;
            });
    }
}
