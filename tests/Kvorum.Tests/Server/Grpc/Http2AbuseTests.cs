using System.Text;
using Google.Protobuf;
using Kvorum.Server.Grpc;
using static Kvorum.Tests.Server.Grpc.RawHttp2;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Server.Grpc;

/// <summary>
/// What an attacker or a broken program may send to a node's client port, frame by frame: who sends it is
/// refused or borne, the node and its other clients notice nothing, and its memory stays within bounds.
/// </summary>
public class Http2AbuseTests(AbusedNode node) : IClassFixture<AbusedNode>
{
    private const int Limit = 30_000;

    /// <summary>Streams that a connection may have at a time.</summary>
    private const int Streams = 128;

    private const string GetPath = "/kvorum.v1.KV/Get";

    private static readonly byte[] Get =
        new V1.GetRequest { Key = ByteString.CopyFromUtf8("k") }.ToByteArray();

    [Theory(Timeout = Limit)]
    [InlineData("GET / HTTP/1.1\r\nhost: a\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")]
    [InlineData("PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n")]
    [InlineData("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a greeting of TLS, and what else may come")]
    [InlineData("KVOR but not the native protocol either, however long this may be and go on")]
    [InlineData("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")]
    public async Task A_wrong_preface_ends_the_connection(string preface)
    {
        await using var peer = await ConnectAsync(node.EndPoint);
        await peer.SendAsync(Encoding.Latin1.GetBytes(preface));
        await Eventually.Holds(() => peer.IsClosed);
        await node.AssertUnharmedAsync();
    }

    /// <summary>
    /// Error codes of RFC 9113, 7: 1 protocol, 3 flow control, 5 stream closed, 6 frame size, 9 compression.
    /// </summary>
    [Theory(Timeout = Limit)]
    [InlineData("a frame over the limit", "004001 00 00 00000001", 6)]
    [InlineData("DATA without a stream", "000001 00 00 00000000 00", 1)]
    [InlineData("DATA of a stream that was never opened", "000001 00 00 00000007 00", 1)]
    [InlineData("HEADERS of an even stream", "000001 01 05 00000002 82", 1)]
    [InlineData("HEADERS padded beyond their end", "000002 01 0d 00000001 7f82", 1)]
    [InlineData("HEADERS that depend on themselves", "000006 01 25 00000001 0000000110 82", 1)]
    [InlineData("a header field that no table has", "000001 01 05 00000001 fe", 9)]
    [InlineData("a header table made larger than allowed", "000004 01 05 00000001 3fe1ff03", 9)]
    [InlineData("RST_STREAM of a stream that was never opened", "000004 03 00 00000009 00000008", 1)]
    [InlineData("RST_STREAM of no stream", "000004 03 00 00000000 00000008", 1)]
    [InlineData("SETTINGS of a stream", "000000 04 00 00000001", 1)]
    [InlineData("SETTINGS cut short", "000005 04 00 00000000 0003000000", 6)]
    [InlineData("an acknowledgement of SETTINGS with settings", "000006 04 01 00000000 000300000064", 6)]
    [InlineData("SETTINGS with a window too large", "000006 04 00 00000000 000480000000", 3)]
    [InlineData("SETTINGS with frames too small", "000006 04 00 00000000 000500000001", 1)]
    [InlineData("SETTINGS with neither push nor none", "000006 04 00 00000000 000200000002", 1)]
    [InlineData("PUSH_PROMISE of a client", "000005 05 04 00000001 00000002 82", 1)]
    [InlineData("PING cut short", "000007 06 00 00000000 00000000000000", 6)]
    [InlineData("PING of a stream", "000008 06 00 00000001 0000000000000000", 1)]
    [InlineData("GOAWAY of a stream", "000008 07 00 00000001 0000000000000000", 1)]
    [InlineData("WINDOW_UPDATE of nothing", "000004 08 00 00000000 00000000", 1)]
    [InlineData("WINDOW_UPDATE beyond the greatest window", "000004 08 00 00000000 7fffffff", 3)]
    [InlineData("CONTINUATION of nothing", "000001 09 04 00000001 82", 1)]
    public async Task A_broken_frame_ends_the_connection_with_its_code(string what, string hex, int code)
    {
        await using var peer = await OpenAsync(node.EndPoint);
        await peer.SendAsync(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)));
        await Eventually.Holds(() => peer.IsClosed, what: what);
        Assert.Equal((what, code), (what, peer.GoAwayCode));
        await node.AssertUnharmedAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task Frames_that_nobody_knows_are_passed_over()
    {
        await using var peer = await OpenAsync(node.EndPoint);
        await peer.SendAsync(Frame(0xEE, 0xFF, 0, new byte[100]));
        await peer.SendAsync(Frame(Priority, 0, 3, [0, 0, 0, 0, 16]));
        await peer.SendAsync(Call(1, GetPath, Get));
        await Eventually.Holds(() => peer.Ended.ContainsKey(1));
        await node.AssertUnharmedAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task Streams_that_count_down_end_the_connection()
    {
        await using var peer = await OpenAsync(node.EndPoint);
        await peer.SendAsync(Call(5, GetPath, Get));
        await Eventually.Holds(() => peer.Ended.ContainsKey(5));
        await peer.SendAsync(Call(3, GetPath, Get));
        await Eventually.Holds(() => peer.IsClosed);
        Assert.Contains(peer.GoAwayCode, (int[])[1, 5]);
        await node.AssertUnharmedAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task A_request_may_end_with_trailers_but_not_with_another_request()
    {
        await using var peer = await OpenAsync(node.EndPoint);
        byte[] Begun(int stream) =>
        [
            .. Frame(Header, EndHeaders, stream, RequestFields(GetPath)),
            .. Frame(Data, 0, stream, Message(Get)),
        ];
        await peer.SendAsync(
            [.. Begun(1), .. Frame(Header, EndHeaders | EndStream, 1, Fields(("checksum", "1234")))]);
        await Eventually.Holds(() => peer.Ended.ContainsKey(1));
        await peer.SendAsync(
            [.. Begun(3), .. Frame(Header, EndHeaders | EndStream, 3, RequestFields(GetPath))]);
        await Eventually.Holds(() => peer.HasRefused(3));
        await node.AssertUnharmedAsync();
    }

    [Theory(Timeout = Limit)]
    [InlineData("upper case", "Content-Encoding", "a")]
    [InlineData("an unknown pseudo field", ":other", "a")]
    [InlineData("of another protocol", "connection", "close")]
    public async Task A_request_with_a_wrong_field_is_refused(string what, string name, string value)
    {
        await using var peer = await OpenAsync(node.EndPoint);
        await peer.SendAsync(Frame(Header, EndHeaders | EndStream, 1, RequestFields(GetPath, (name, value))));
        await Eventually.Holds(() => peer.HasRefused(), what: what);
        await node.AssertUnharmedAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task Headers_without_end_are_refused()
    {
        await using var peer = await OpenAsync(node.EndPoint);
        await peer.SendAsync(Frame(Header, 0, 1, RequestFields(GetPath)));
        var more = Frame(Continuation, 0, 1, Fields(("x-flood", new string('f', 16_000))));
        await Flood(peer, more, 20_000);
        await Eventually.Holds(() => peer.HasRefused());
        await node.AssertUnharmedAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task Headers_of_nothing_without_end_harm_nobody()
    {
        await using var peer = await OpenAsync(node.EndPoint);
        await peer.SendAsync(Frame(Header, 0, 1, RequestFields(GetPath)));
        await Flood(peer, Frame(Continuation, 0, 1, []), 500_000);
        await node.AssertUnharmedAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task A_header_that_is_too_large_is_refused_and_a_bomb_of_references_too()
    {
        await using var peer = await OpenAsync(node.EndPoint);
        var huge = RequestFields(GetPath, ("x-huge", new string('h', 100_000)));
        await peer.SendAsync(Frame(Header, 0, 1, huge.AsSpan(0, 16_000)));
        for (var at = 16_000; at < huge.Length; at += 16_000)
        {
            var part = huge.AsMemory(at, Math.Min(16_000, huge.Length - at));
            var isLast = at + part.Length == huge.Length;
            await peer.SendAsync(Frame(Continuation, isLast ? EndHeaders : (byte)0, 1, part.Span));
        }

        await Eventually.Holds(() => peer.HasRefused());

        // One field of 4000 bytes is put into the table, then named by one byte each 16 000 times: 64 MB.
        await using var bomb = await OpenAsync(node.EndPoint);
        byte[] field = [0x40, .. Fields(("x-bomb", new string('b', 4000))).AsSpan(1)];
        var references = new byte[16_000];
        references.AsSpan().Fill(0x80 | 62);
        await bomb.SendAsync(Frame(Header, 0, 1, [.. RequestFields(GetPath), .. field]));
        await bomb.SendAsync(Frame(Continuation, EndHeaders, 1, references));
        await Eventually.Holds(() => bomb.HasRefused());
        await node.AssertUnharmedAsync();
    }

    [Theory(Timeout = Limit)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Floods_of_pings_and_settings_harm_nobody(bool isReading)
    {
        foreach (var frame in new[] { Frame(Ping, 0, 0, new byte[8]), Frame(Settings, 0, 0, []) })
        {
            await using var peer = await OpenAsync(node.EndPoint, isReading);
            var isBorne = await Flood(peer, frame, 300_000);
            if (isReading && isBorne && frame[3] == Ping)
                await Eventually.Holds(() => peer.PingAcks == 300_000 || peer.HasRefused());
            await node.AssertUnharmedAsync();
        }
    }

    [Theory(Timeout = Limit)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Calls_that_are_taken_back_at_once_harm_nobody(bool isWhole)
    {
        await using var peer = await OpenAsync(node.EndPoint);
        var cancel = new byte[] { 0, 0, 0, 8 };
        for (var stream = 1; stream < 60_000 && !peer.HasRefused(0); stream += 200)
        {
            var calls = new MemoryStream();
            for (var one = stream; one < stream + 200; one += 2)
            {
                calls.Write(isWhole
                    ? Call(one, GetPath, Get)
                    : Frame(Header, EndHeaders, one, RequestFields(GetPath)));
                calls.Write(Frame(Reset, 0, one, cancel));
            }

            await peer.SendAsync(calls.ToArray());
        }

        await node.AssertUnharmedAsync();
        if (peer.HasRefused(0))
            return;
        await peer.SendAsync(Call(70_001, GetPath, Get));
        await Eventually.Holds(() => peer.Ended.ContainsKey(70_001) || peer.HasRefused(70_001));
    }

    [Fact(Timeout = Limit)]
    public async Task More_streams_than_allowed_are_refused_one_by_one()
    {
        await using var peer = await OpenAsync(node.EndPoint);
        for (var stream = 1; stream < 6000; stream += 2)
            await peer.SendAsync(Frame(Header, EndHeaders, stream, RequestFields(GetPath)));
        await Eventually.Holds(() => !peer.Resets.IsEmpty || peer.HasRefused(0));
        // REFUSED_STREAM: safe to repeat.
        Assert.All(peer.Resets.Values, static code => Assert.Equal(7, code));
        await node.AssertUnharmedAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task A_goodbye_lets_calls_end()
    {
        await using var peer = await OpenAsync(node.EndPoint);
        await peer.SendAsync([.. Call(1, GetPath, Get), .. Frame(GoAway, 0, 0, new byte[8])]);
        await Eventually.Holds(() => peer.Ended.ContainsKey(1) || peer.IsClosed);
        await Eventually.Holds(() => peer.IsClosed);
        await node.AssertUnharmedAsync();
    }

    /// <summary>All windows are closed: what was asked for waits in the node, until they open.</summary>
    [Fact(Timeout = Limit)]
    public async Task Large_answers_that_nobody_takes_stay_within_bounds()
    {
        await node.PutAsync("large", new byte[Kvorum.Protocol.Limits.ValueBytesMax]);
        var large = new V1.GetRequest { Key = ByteString.CopyFromUtf8("large") }.ToByteArray();
        await using var peer = await OpenAsync(node.EndPoint, true, (4, 0));
        for (var stream = 1; stream < 2 * Streams; stream += 2)
            await peer.SendAsync(Call(stream, GetPath, large));
        for (var i = 0; i < 10; i++)
        {
            await Task.Delay(200, TestContext.Current.CancellationToken);
            await node.AssertUnharmedAsync();
        }

        Assert.False(peer.HasRefused(0));
        await peer.SendAsync(Frame(WindowUpdate, 0, 0, [0x7F, 0, 0, 0]));
        await peer.SendAsync(Frame(Settings, 0, 0, [0, 4, 0, 0x7F, 0xFF, 0xFF]));
        await Eventually.Holds(() => peer.Ended.Count == Streams, 20);
        await node.AssertUnharmedAsync();
    }

    [Fact(Timeout = Limit)]
    public async Task Many_that_speak_slowly_harm_nobody()
    {
        List<RawHttp2> slow = [];
        try
        {
            byte[] whole = [.. Preface, .. Frame(Settings, 0, 0, []), .. Call(1, GetPath, Get)];
            for (var i = 0; i < 300; i++)
                slow.Add(await ConnectAsync(node.EndPoint));
            for (var at = 0; at < 60; at++)
            {
                foreach (var (peer, i) in slow.Select(static (peer, i) => (peer, i)))
                {
                    // Some stop in the middle of the preface, some of the headers; some say nothing at all.
                    if (at < i % 60)
                        await peer.SendAsync(whole.AsMemory(at, 1));
                }

                if (at % 20 == 0)
                    await node.AssertUnharmedAsync();
            }

            await node.AssertUnharmedAsync();
        }
        finally
        {
            foreach (var peer in slow)
                await peer.DisposeAsync();
        }
    }

    [Fact(Timeout = Limit)]
    public async Task Who_says_nothing_and_who_has_vanished_are_closed()
    {
        var options = new GrpcOptions
        {
            OpeningTimeout = TimeSpan.FromMilliseconds(200),
            PingInterval = TimeSpan.FromSeconds(1),
            PingTimeout = TimeSpan.FromSeconds(1),
        };
        await using var server = GrpcFixture.Start(GrpcServices.Of(new DictionaryNode(), options), options);
        await server.StartAsync(TestContext.Current.CancellationToken);
        await using var silent = await ConnectAsync(server.EndPoint);
        await using var halting = await ConnectAsync(server.EndPoint);
        await halting.SendAsync(Preface[..^1]);
        await using var vanished = await OpenAsync(server.EndPoint);
        await Eventually.Holds(() => silent.IsClosed && halting.IsClosed);
        await vanished.SendAsync(Call(1, GetPath, Get));
        await Eventually.Holds(() => vanished.Ended.ContainsKey(1));
        await Eventually.Holds(() => vanished.IsClosed); // It does not answer pings.
    }

    [Fact(Timeout = Limit)]
    public async Task More_connections_than_allowed_are_closed_and_the_others_are_served()
    {
        var options = new GrpcOptions { ConnectionsMax = 2 };
        await using var server = GrpcFixture.Start(GrpcServices.Of(new DictionaryNode(), options), options);
        await server.StartAsync(TestContext.Current.CancellationToken);
        await using var first = await OpenAsync(server.EndPoint);
        await using (var second = await OpenAsync(server.EndPoint))
        {
            await second.SendAsync(Call(1, GetPath, Get));
            await Eventually.Holds(() => second.Ended.ContainsKey(1));
            await using var third = await OpenAsync(server.EndPoint);
            await Eventually.Holds(() => third.IsClosed);
        }

        await first.SendAsync(Call(1, GetPath, Get));
        await Eventually.Holds(() => first.Ended.ContainsKey(1));
    }

    /// <summary>Sends a frame so many times; false if the server ended it or stopped reading.</summary>
    private static async Task<bool> Flood(RawHttp2 peer, byte[] frame, int count)
    {
        var perTurn = Math.Max(1, (64 << 10) / frame.Length);
        byte[] many = [.. Enumerable.Repeat(frame, perTurn).SelectMany(static one => one)];
        for (var sent = 0; sent < count; sent += perTurn)
        {
            var part = many.AsMemory(0, Math.Min(perTurn, count - sent) * frame.Length);
            if (!await peer.SendAsync(part, 1000))
                return false;
        }

        return true;
    }
}
