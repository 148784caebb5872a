using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Google.Protobuf;
using Kvorum.Client;
using Kvorum.Protocol;
using V1 = Kvorum.Server.Grpc.V1;

namespace Kvorum.Tests.Cli;

/// <summary>A quorum keyspace of three real nodes, through each of the front ends.</summary>
public sealed class QuorumKeyspaceTests : IAsyncDisposable
{
    private readonly ServerPlace[] _places = ServerPlace.Free(3);
    private readonly KvorumProcess[] _servers = new KvorumProcess[3];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private async Task Start()
    {
        var peers = string.Join(',', _places.Select((place, at) => $"node-{at + 1}@{place.PeerAddr}"));
        for (var n = 0; n < 3; n++)
        {
            _servers[n] = KvorumProcess.Start(
                ["start", "--id", $"node-{n + 1}", "--peers", peers, .. _places[n].Flags]);
        }

        foreach (var server in _servers)
            await server.Says("is ready");
        await Ok(
            0, "keyspace", "create", "cache", "--mode", "quorum", "--replicas", "3", "--partitions", "4");
    }

    [Fact]
    public async Task The_command_line_writes_reads_scans_and_tells_what_was_promised()
    {
        await Start();
        Assert.Equal(
            "ok=true leader=\"\"\n", await Ok(0, "put", "a", "1", "--keyspace", "cache", "--quorum", "all"));
        var put = await Ok(1, "put", "b", "2", "--keyspace", "cache", "--receipt");
        Assert.Matches(
            "^ok=true leader=\"\"\nreceipt mode=quorum nodes=node-.,node-[^ ]* needed=2/3 durable=true "
            + "version=[0-9]+@[0-9a-f]{16} staleness=0ms\n"
            + "receipt: Acknowledged writes survive the loss of 1 disk at once.\nreceipt: ", put);
        Assert.Equal("value=\"2\"\n", await Ok(2, "get", "b", "--keyspace", "cache"));
        var get = await Ok(2, "get", "b", "--keyspace", "cache", "--quorum", "one", "--receipt", "--json");
        using (var json = JsonDocument.Parse(get))
        {
            var receipt = json.RootElement.GetProperty("receipt");
            Assert.Equal(1, receipt.GetProperty("needed").GetInt32());
            Assert.Equal("quorum", receipt.GetProperty("mode").GetString());
            Assert.False(receipt.TryGetProperty("staleness_ms", out _));
        }

        await Ok(0, "put", "c", "3", "--keyspace", "cache", "--ttl", "1ms");
        await Ok(0, "del", "a", "--keyspace", "cache");
        var scan = await Ok(1, "scan", "--keyspace", "cache", "--receipt");
        Assert.StartsWith(
            "key=\"b\" value=\"2\"\nreceipt mode=quorum nodes=", scan, StringComparison.Ordinal);
        Assert.Contains("needed=2/3", scan, StringComparison.Ordinal);
        await Fails(2, "The read quorum is 4, and there are 3 replicas: use 1 to 3.",
            "get", "b", "--keyspace", "cache", "--quorum", "4");
        await Fails(2, "is of mode strong", "get", "b", "--quorum", "one");
        await Fails(2, "--quorum 'many': give one, quorum, all or a number of replicas",
            "get", "b", "--quorum", "many");
        await Fails(2, "if_version cannot be promised in the quorum keyspace 'cache'",
            "put", "b", "2", "--keyspace", "cache", "--if-version", "0");
        Assert.Equal(
            "node-1: 0 superseded since its start\nnode-2: 0 superseded since its start\n"
            + "node-3: 0 superseded since its start\n",
            await Ok(0, "keyspace", "superseded", "cache"));
        await Fails(2, "is of mode strong", "keyspace", "superseded", KeyspaceName.Default);
    }

    [Fact]
    public async Task With_a_node_away_http_grpc_and_the_client_serve_and_say_when_they_cannot()
    {
        await Start();
        using var http = new HttpClient { BaseAddress = new($"http://{_places[0].HttpAddr}") };
        await Ok(0, "put", "a", "1", "--keyspace", "cache", "--quorum", "all");
        _servers[2].Kill();
        await _servers[2].Exit();

        using var written = await http.PutAsync(
            "/v1/kv/b?keyspace=cache&receipt=true", new ByteArrayContent([50]), Cancelled);
        var body = await written.Content.ReadFromJsonAsync<JsonElement>(Cancelled);
        Assert.Equal("quorum", body.GetProperty("ack").GetString());
        Assert.Equal(2, body.GetProperty("receipt").GetProperty("needed").GetInt32());
        Assert.Equal(
            body.GetProperty("receipt").ToString(), written.Headers.GetValues("Kvorum-Receipt").Single());
        using var one = new HttpRequestMessage(HttpMethod.Get, "/v1/kv/b?keyspace=cache");
        one.Headers.Add("Kvorum-Quorum", "all");
        using var refused = await http.SendAsync(one, Cancelled);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Contains("3 of 3 replicas must answer", await refused.Content.ReadAsStringAsync(Cancelled),
            StringComparison.Ordinal);
        var page = await http.GetFromJsonAsync<JsonElement>("/v1/kv?keyspace=cache&receipt=true", Cancelled);
        Assert.Equal(
            ["a", "b"],
            page.GetProperty("entries").EnumerateArray()
                .Select(static entry => entry.GetProperty("key").GetString()));
        Assert.Equal("quorum", page.GetProperty("receipt").GetProperty("mode").GetString());
        using var scan = await http.GetAsync("/v1/kv?keyspace=cache&quorum=3", Cancelled);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, scan.StatusCode);
        Assert.Contains("must answer a scan; these cannot: node-3",
            await scan.Content.ReadAsStringAsync(Cancelled), StringComparison.Ordinal);
        var none = await http.GetAsync("/kv/get?key=none&keyspace=cache&quorum=two", Cancelled);
        Assert.Contains("quorum is 'two'; it is one, quorum, all or a number of replicas",
            await none.Content.ReadAsStringAsync(Cancelled), StringComparison.Ordinal);

        var put = await Grpc("Put", new V1.PutRequest
        {
            Key = ByteString.CopyFromUtf8("c"),
            Value = ByteString.CopyFromUtf8("3"),
            Keyspace = "cache",
            Quorum = "2",
            Receipt = true,
        });
        var reply = V1.PutResponse.Parser.ParseFrom((await put.Content.ReadAsByteArrayAsync(Cancelled))[5..]);
        Assert.Equal(("quorum", 2u), (reply.Header.Ack, reply.Header.Receipt.Needed));
        Assert.Equal(
            $"{new WriteVersion(reply.Header.Version, reply.Header.Writer)}", reply.Header.Receipt.Version);
        var failed = await Grpc("Get", new V1.GetRequest
        {
            Key = ByteString.CopyFromUtf8("c"),
            Keyspace = "cache",
            Quorum = "ALL",
        });
        Assert.Equal("14", failed.Headers.GetValues("grpc-status").Single());

        await using var client = KvorumClient.Connect(new()
        {
            Addresses = [_places[0].Addr, _places[1].Addr],
            Keyspace = "cache",
        });
        var set = await client.SetWithQuorumAsync(
            "d", "4", QuorumLevel.Quorum, new() { WantsReceipt = true }, Cancelled);
        Assert.Equal(["node-1", "node-2"], set.Receipt!.Nodes.Order());
        var found = new List<string>();
        await foreach (var key in client.ScanAsync(new(), Cancelled))
            found.Add($"{key.KeyText}{key.Text}");
        Assert.Equal(["a1", "b2", "c3", "d4"], found);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers.OfType<KvorumProcess>())
            await server.DisposeAsync();
        foreach (var place in _places)
            place.Dispose();
    }

    // A call of kvorum.v1.KV, to the second node.
    private async Task<HttpResponseMessage> Grpc(string method, IMessage message)
    {
        var bytes = message.ToByteArray();
        using var http = new HttpClient();
        using var content = new ByteArrayContent([0, 0, 0, 0, (byte)bytes.Length, .. bytes]);
        content.Headers.ContentType = new("application/grpc");
        using var request = new HttpRequestMessage(
            HttpMethod.Post, $"http://{_places[1].Addr}/kvorum.v1.KV/{method}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        return await http.SendAsync(request, Cancelled);
    }

    private async Task<string> Ok(int node, params string[] words)
    {
        var (code, output, errors) = await KvorumProcess.Run([.. words, "--addr", _places[node].Addr]);
        Assert.True(code == 0, output + errors);
        return output;
    }

    private async Task Fails(int code, string why, params string[] words)
    {
        var (actual, output, errors) = await KvorumProcess.Run([.. words, "--addr", _places[0].Addr]);
        Assert.True(actual == code, output + errors);
        Assert.Contains(why, errors, StringComparison.Ordinal);
    }
}
