using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Kvorum.Server.Access.Jwt;
using Kvorum.Server.Certificates;
using Kvorum.Tests.Server.Listeners;
using Kvorum.Tests.Server.Tls;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using static Kvorum.Tests.Server.Access.Jwt.TokenIssuer;

namespace Kvorum.Tests.Server.Access.Jwt;

public class JwtKeysTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static string OtherKeys(string kid) => Set(Key(kid, OtherRsa));

    private static string OtherToken(string kid) => Token(
        Header(kid: kid), Claims(("exp", At(100_000))), static signed => OtherRsa.SignData(
            signed, System.Security.Cryptography.HashAlgorithmName.SHA256,
            System.Security.Cryptography.RSASignaturePadding.Pkcs1));

    private static string LongToken => Good(("exp", At(100_000)));

    [Theory]
    [InlineData("next")]
    [InlineData("rsa")]
    public async Task A_new_file_is_taken_once_it_has_settled_and_the_old_key_counts_no_longer(string kid)
    {
        await using var room = new JwtRoom();
        Assert.True(room.Verify(LongToken).IsAccepted);
        Assert.False(room.Verify(OtherToken(kid)).IsAccepted);
        File.WriteAllText(room.KeyFile, OtherKeys(kid));
        room.Time.Advance(JwtKeys.Interval);
        Assert.True(room.Verify(LongToken).IsAccepted);
        room.Time.Advance(JwtKeys.Interval);
        // It was kept, but with the former keys.
        Assert.False(room.Verify(LongToken).IsAccepted);
        Assert.True(room.Verify(OtherToken(kid)).IsAccepted);
        Assert.Empty(room.Issues);
    }

    [Fact]
    public async Task A_file_that_cannot_be_used_is_told_once_and_the_former_keys_stay()
    {
        await using var room = new JwtRoom();
        foreach (var (change, told) in new (Action, string)[]
        {
            (() => File.WriteAllText(room.KeyFile, "garbage"), "cannot be read as a JSON object"),
            (() => File.WriteAllText(room.KeyFile, ""), "cannot be read as a JSON object"),
            (() => File.WriteAllText(room.KeyFile, Set()), "it has no key that can be used"),
            (() => File.WriteAllText(room.KeyFile, Set(Key("a", Rsa, ",\"d\":\"A\""))), "a private one"),
            (() => File.WriteAllText(room.KeyFile, Keys + new string(' ', JwtKeySet.BytesMax)), "more than"),
            (() => File.Delete(room.KeyFile), "Could not find file"),
        })
        {
            room.Log.Lines.Clear();
            change();
            room.Settle();
            room.Settle();
            var issue = Assert.Single(room.Issues);
            Assert.StartsWith(
                $"the file of --jwt-keys {room.KeyFile} has changed and is not taken", issue,
                StringComparison.Ordinal);
            Assert.Contains(told, issue, StringComparison.Ordinal);
            var (level, line) = Assert.Single(room.Log.Lines);
            Assert.Equal((LogLevel.Error, $"JSON Web Tokens: {issue}"), (level, line));
            Assert.True(room.Verify(LongToken).IsAccepted);
        }

        File.WriteAllText(room.KeyFile, OtherKeys("next"));
        room.Settle();
        Assert.Empty(room.Issues);
        Assert.True(room.Verify(OtherToken("next")).IsAccepted);
    }

    [Fact]
    public async Task The_former_file_put_back_ends_the_alert()
    {
        await using var room = new JwtRoom();
        File.WriteAllText(room.KeyFile, "garbage");
        room.Settle();
        Assert.Single(room.Issues);
        File.WriteAllText(room.KeyFile, Keys);
        room.Time.Advance(JwtKeys.Interval);
        Assert.Empty(room.Issues);
    }

    [Fact]
    public void A_start_with_a_file_that_cannot_be_used_says_why()
    {
        Assert.Contains("Could not find file", Wrong("no-such-file.json"), StringComparison.Ordinal);
        Assert.Contains("denied", Wrong(Path.GetTempPath()), StringComparison.Ordinal);
        var file = Path.GetTempFileName();
        File.WriteAllText(file, Set(Key("a", WeakRsa)));
        Assert.Equal(
            $"--jwt-keys {file} cannot be used: it has no key that can be used; a: it has 1024 bits, and "
            + "2048 to 8192 are taken", Wrong(file));
        File.Delete(file);

        static string Wrong(string path) => Assert.Throws<JwtKeysException>(
            () => new JwtKeys(path, TimeProvider.System, new KeptLines())).Message;
    }

    [Fact]
    public async Task A_URL_is_fetched_at_the_start_and_every_five_minutes()
    {
        await using var endpoint = new KeyEndpoint(Keys);
        await using var room = new JwtRoom(url: endpoint.Url);
        await room.Fetched();
        Assert.True(room.Verify(LongToken).IsAccepted);
        endpoint.Answers = KeyEndpoint.KeysAnswer(OtherKeys("next"));
        await room.Advance(JwtKeys.FetchInterval - Second);
        Assert.True(room.Verify(LongToken).IsAccepted);
        Assert.Equal(1, endpoint.Requests);
        await room.Advance(JwtKeys.Interval);
        Assert.True(room.Verify(OtherToken("next")).IsAccepted);
        Assert.False(room.Verify(LongToken).IsAccepted);
        Assert.Equal(2, endpoint.Requests);
        Assert.Empty(room.Issues);
    }

    [Fact]
    public async Task A_key_that_is_not_known_is_asked_for_at_most_twice_a_minute()
    {
        await using var endpoint = new KeyEndpoint(Keys);
        await using var room = new JwtRoom(url: endpoint.Url);
        await room.Fetched();
        for (var n = 0; n < 28; n++)
        {
            Assert.False(room.Verify(OtherToken("next")).IsAccepted);
            await room.Advance(Second);
        }

        Assert.Equal(1, endpoint.Requests);
        await room.Advance(Second * 3);
        Assert.Equal(2, endpoint.Requests);
        Assert.False(room.Verify(OtherToken("next")).IsAccepted);
        endpoint.Answers = KeyEndpoint.KeysAnswer(OtherKeys("next"));
        await room.Advance(JwtKeys.FetchPause + Second);
        Assert.True(room.Verify(OtherToken("next")).IsAccepted);
        Assert.Equal(3, endpoint.Requests);
        // Known ones ask for nothing, nor do tokens of others or without sense.
        for (var n = 0; n < 60; n++)
        {
            room.Verify(OtherToken("next"));
            room.Verify(Token(Header(kid: "x"), Claims(("iss", "\"other\""))));
            room.Verify(Token(Header(kid: "x"), Claims(("exp", At(-900)))));
            await room.Advance(Second);
        }

        Assert.Equal(3, endpoint.Requests);
    }

    public static TheoryData<string, string> Failures => new()
    {
        { "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", "it answers 500" },
        { "HTTP/1.1 404 Oh\r\nContent-Length: 0\r\n\r\n", "it answers 404" },
        { "HTTP/1.1 204 Oh\r\n\r\n", "it answers 204" },
        { "HTTP/1.1 302 Oh\r\nLocation: ELSEWHERE\r\nContent-Length: 0\r\n\r\n", "are not followed" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<htm>", "cannot be read as a JSON object" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\":[]}", "it has no key that can be used" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 262145\r\n\r\n", "more than 262144 bytes" },
        { "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nENDLESS", "more than 262144 bytes" },
        { "HTTP/1.1 200 OK\r\nX: ENDLESS", "more than 262144 bytes, or long headers" },
        { "SSH-2.0-OpenSSH_9.2p1\r\n\r\n", "invalid" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"keys\":[", "end" },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task A_URL_that_fails_is_an_alert_and_the_former_keys_stay(string answer, string told)
    {
        await using var elsewhere = new KeyEndpoint(OtherKeys("next"));
        await using var endpoint = new KeyEndpoint(Keys);
        await using var room = new JwtRoom(url: endpoint.Url);
        await room.Fetched();
        var (isEndless, text) = (answer.Contains("ENDLESS", StringComparison.Ordinal), answer.Replace(
            "ELSEWHERE", elsewhere.Url, StringComparison.Ordinal));
        endpoint.Answers = async stream =>
        {
            await KeyEndpoint.Text(text)(stream);
            for (var n = 0; isEndless && n < 4096; n++)
                await stream.WriteAsync(new byte[4096].AsMemory());
        };
        await room.Advance(JwtKeys.FetchInterval + Second);
        var issue = Assert.Single(room.Issues);
        Assert.StartsWith($"--jwt-keys {endpoint.Url} fails since 2041-05-06 07:1", issue,
            StringComparison.Ordinal);
        Assert.Contains("the former keys stay: ", issue, StringComparison.Ordinal);
        Assert.Contains(told, issue, StringComparison.Ordinal);
        Assert.DoesNotContain(issue, char.IsControl);
        Assert.True(room.Verify(LongToken).IsAccepted);
        Assert.Equal(0, elsewhere.Requests);
        // It is tried again after a while, and told no second time.
        var failed = endpoint.Requests;
        await room.Advance(JwtKeys.FetchPause - (2 * Second));
        Assert.Equal(failed, endpoint.Requests);
        await room.Advance(JwtKeys.Interval);
        Assert.True(endpoint.Requests > failed);
        Assert.Equal(issue, Assert.Single(room.Issues));
        endpoint.Answers = KeyEndpoint.KeysAnswer(OtherKeys("next"));
        await room.Advance(JwtKeys.FetchPause + Second);
        Assert.True(room.Verify(OtherToken("next")).IsAccepted);
        Assert.Empty(room.Issues);
        Assert.Single(room.Log.Lines, static line => line.Level == LogLevel.Error);
    }

    [Fact]
    public async Task A_URL_that_does_not_answer_is_given_up_after_five_seconds()
    {
        await using var endpoint = new KeyEndpoint(Keys);
        endpoint.Answers = null;
        await using var room = new JwtRoom(url: endpoint.Url);
        await Eventually.Holds(() => endpoint.Requests == 1);
        // One fetch at a time, however long it takes.
        room.Time.Advance(JwtKeyUrl.TimeMax - TimeSpan.FromMilliseconds(1));
        Assert.Empty(room.Issues);
        await room.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(
            $"--jwt-keys {endpoint.Url} fails since 2041-05-06 07:08:14Z, and no token is accepted: it has "
            + "not answered within 5 s", Assert.Single(room.Issues));
        Assert.False(room.Verify(LongToken).IsAccepted);
        endpoint.Answers = KeyEndpoint.KeysAnswer(Keys);
        await room.Advance(JwtKeys.FetchPause);
        Assert.True(room.Verify(LongToken).IsAccepted);
        Assert.Empty(room.Issues);
    }

    /// <summary>An end that waited for a fetch would hold the node's.</summary>
    [Fact]
    public async Task An_end_does_not_wait_for_a_URL_that_hangs()
    {
        await using var endpoint = new KeyEndpoint(Keys);
        endpoint.Answers = null;
        var room = new JwtRoom(url: endpoint.Url);
        await Eventually.Holds(() => endpoint.Requests == 1);
        await room.DisposeAsync().AsTask().WaitAsync(
            TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Empty(room.Issues);
    }

    [Fact]
    public async Task Addresses_in_a_token_are_not_asked()
    {
        await using var elsewhere = new KeyEndpoint(OtherKeys("mine"));
        await using var endpoint = new KeyEndpoint(Keys);
        await using var room = new JwtRoom(url: endpoint.Url);
        await room.Fetched();
        foreach (var name in new[] { "jku", "x5u", "iss" })
        {
            var header = Header(kid: "mine", more: $",\"{name}\":\"{elsewhere.Url}\"");
            Assert.False(room.Verify(Token(header, Claims())).IsAccepted);
            await room.Advance(JwtKeys.FetchPause + Second);
        }

        // It is the own one that is asked for the key.
        Assert.Equal(4, endpoint.Requests);
        Assert.Equal(0, elsewhere.Requests);
    }

    [Fact]
    public async Task A_URL_with_a_certificate_that_the_machine_does_not_believe_is_not_used()
    {
        using var folder = new TlsFolder();
        using var certificate = folder.Issue(CertificateRole.Node, "issuer");
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var url = $"https://localhost:{((IPEndPoint)listener.LocalEndpoint).Port}/jwks.json";
        await using var keys = new JwtKeys(url, new FakeTimeProvider(Now), new KeptLines());
        using var client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        await using var tls = new SslStream(client.GetStream());
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await tls.AuthenticateAsServerAsync(certificate);
            Assert.Equal(0, await tls.ReadAsync(new byte[1], TestContext.Current.CancellationToken));
            throw new IOException("closed");
        });
        await Eventually.Holds(() => keys.HealthIssues.Count > 0);
        Assert.Contains("certificate", Assert.Single(keys.HealthIssues), StringComparison.Ordinal);
        Assert.Empty(keys.Now.Keys);
    }
}
