using System.Net;
using System.Text;
using Kvorum.Node.Access;
using Kvorum.Protocol;
using Kvorum.Server.Access;
using Kvorum.Server.Access.Jwt;
using Kvorum.Server.Listeners;
using Kvorum.Server.Native;
using Kvorum.Tests.Server.Access.Jwt;
using Kvorum.Tests.Server.Sockets;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvorum.Tests.Server.Native;

/// <summary>
/// A token's signature is checked beside the thread that serves the sockets, and before the frames behind it.
/// </summary>
public sealed class NativeLoginTests : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-login-").FullName;
    private readonly PolledPair _polled = new PolledPair().Started();
    private readonly HeldTime _time = new();
    private readonly DoubleNode _node = new() { Access = AccessTable.Empty with { IsOn = true } };
    private readonly JwtVerifier _tokens;
    private readonly ClientListener _listener;

    public NativeLoginTests()
    {
        var keys = Path.Combine(_folder, "jwks.json");
        File.WriteAllText(keys, TokenIssuer.Keys);
        _tokens = new(
            new() { Issuer = TokenIssuer.Issuer, Audience = TokenIssuer.Audience, Keys = keys },
            TimeProvider.System, NullLogger.Instance);
        _listener = new(new()
        {
            EndPoint = new(IPAddress.Loopback, 0),
            NodeName = "n1",
            ClusterId = static () => Guid.Empty,
            Poller = _polled.Poller,
        });
        _listener.Start(new NodeDoor(
            _node, 60_000, _time, new SourceLines(NullLogger.Instance, _time), NullLogger.Instance)
        {
            Tokens = _tokens,
        });
    }

    public async ValueTask DisposeAsync()
    {
        _time.Release();
        await _listener.DisposeAsync();
        await _tokens.DisposeAsync();
        await _polled.DisposeAsync();
        _time.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact(Timeout = 30_000)]
    public async Task Other_connections_are_served_while_a_token_is_checked_and_frames_behind_it_wait()
    {
        using var other = RawClient.Greeted(_listener.EndPoint);
        Show(other, TokenIssuer.Good());
        other.Get(1, "before");
        Assert.Equal(ReplyStatus.Ok, other.ReadReply().Reply.Status);

        using var first = RawClient.Greeted(_listener.EndPoint);
        _time.Hold();
        first.Send(writer =>
        {
            // All at once, as a client does.
            NativeCodec.WriteCredential(writer, TokenIssuer.Good(("roles", """["writer"]""")));
            for (var n = 0ul; n < 20; n++)
                NativeCodec.WriteRequest(writer, n, 10_000, new GetRequest { Key = "behind"u8.ToArray() });
            NativeCodec.WriteCredential(writer, TokenIssuer.Good(("roles", """["observer"]""")));
            NativeCodec.WriteRequest(writer, 20, 10_000, new GetRequest { Key = "last"u8.ToArray() });
        });
        await Eventually.Holds(() => _time.IsHolding);
        for (var n = 2ul; n < 10; n++)
        {
            other.Get(n, "beside");
            Assert.Equal((n, ReplyStatus.Ok), Outcome(other));
        }

        Assert.DoesNotContain(_node.Seen, static call => Key(call.Request) == "behind");
        _time.Release();
        for (var n = 0ul; n < 20; n++)
            Assert.Equal((n, ReplyStatus.Ok), Outcome(first));
        // By the rights of the token before it, not of the one that came first.
        Assert.Equal((20ul, ReplyStatus.PermissionDenied), Outcome(first));
    }

    [Fact(Timeout = 30_000)]
    public async Task A_client_that_goes_while_its_token_is_checked_leaves_nothing_behind()
    {
        var first = RawClient.Greeted(_listener.EndPoint);
        _time.Hold();
        Show(first, TokenIssuer.Good());
        first.Get(1, "behind");
        await Eventually.Holds(() => _time.IsHolding);
        first.Dispose();
        _time.Release();
        using var other = RawClient.Greeted(_listener.EndPoint);
        Show(other, TokenIssuer.Good());
        other.Get(1, "beside");
        Assert.Equal((1ul, ReplyStatus.Ok), Outcome(other));
    }

    [Fact(Timeout = 30_000)]
    public void Who_has_guessed_once_is_cut_off_at_the_second_token()
    {
        using var client = RawClient.Greeted(_listener.EndPoint);
        Show(client, "guessed");
        Show(client, TokenIssuer.Good());
        Assert.Contains("was not accepted", client.ReadError(), StringComparison.Ordinal);
    }

    private static void Show(RawClient client, string token) =>
        client.Send(writer => NativeCodec.WriteCredential(writer, token));

    private static (ulong, ReplyStatus) Outcome(RawClient client)
    {
        var (correlation, reply) = client.ReadReply();
        return (correlation, reply.Status);
    }

    private static string Key(Request request) => Encoding.UTF8.GetString(request.Key.Span);

    /// <summary>The issuer's time; the next look at it may be held, as if it took that long.</summary>
    private sealed class HeldTime : TimeProvider, IDisposable
    {
        private readonly ManualResetEventSlim _gate = new(initialState: true);
        private int _toHold;

        public bool IsHolding { get; private set; }

        public void Hold()
        {
            _gate.Reset();
            Volatile.Write(ref _toHold, 1);
        }

        public void Release() => _gate.Set();

        public void Dispose() => _gate.Dispose();

        public override DateTimeOffset GetUtcNow()
        {
            if (Interlocked.Exchange(ref _toHold, 0) == 1)
            {
                IsHolding = true;
                _gate.Wait();
            }

            return TokenIssuer.Now;
        }
    }
}
