using Kvorum.Server.Access.Jwt;
using Kvorum.Tests.Server.Listeners;
using Microsoft.Extensions.Time.Testing;

namespace Kvorum.Tests.Server.Access.Jwt;

/// <summary>A verifier with a file of keys, and a clock that the test moves.</summary>
internal sealed class JwtRoom : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-jwt-").FullName;
    private readonly JwtVerifier _verifier;
    private readonly JwtKeys _keys;

    /// <param name="keys">What the file holds.</param>
    /// <param name="url">Where the keys are instead.</param>
    /// <param name="change">Other options.</param>
    public JwtRoom(string? keys = null, string? url = null, Func<JwtOptions, JwtOptions>? change = null)
    {
        KeyFile = Path.Combine(_folder, "jwks.json");
        File.WriteAllText(KeyFile, keys ?? TokenIssuer.Keys);
        var options = new JwtOptions
        {
            Issuer = TokenIssuer.Issuer,
            Audience = TokenIssuer.Audience,
            Keys = url ?? KeyFile,
        };
        options = change?.Invoke(options) ?? options;
        _keys = new(options.Keys, Time, Log);
        _verifier = new(options, _keys);
    }

    public string KeyFile { get; }

    public FakeTimeProvider Time { get; } = new(TokenIssuer.Now);

    public KeptLines Log { get; } = new();

    public IReadOnlyList<string> Issues => _verifier.HealthIssues;

    public JwtResult Verify(string token) => _verifier.Verify(token, Time.GetUtcNow());

    /// <summary>The file is looked at twice: the second time it has settled.</summary>
    public void Settle()
    {
        Time.Advance(JwtKeys.Interval);
        Time.Advance(JwtKeys.Interval);
    }

    /// <summary>
    /// The clock moves on, and what is fetched then has come. Not far beyond the time of a fetch: its answer
    /// would be late by that clock.
    /// </summary>
    public Task Advance(TimeSpan by)
    {
        Time.Advance(by);
        return Fetched();
    }

    /// <summary>What is fetched has come.</summary>
    public Task Fetched() => _keys.Fetching.WaitAsync(TimeSpan.FromSeconds(30));

    public async ValueTask DisposeAsync()
    {
        await _verifier.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
