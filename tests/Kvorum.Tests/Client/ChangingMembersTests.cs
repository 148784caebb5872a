using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Kvorum.Client;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Kvorum.Server.Hosting;

namespace Kvorum.Tests.Client;

/// <summary>Clients of real servers whose members change under them.</summary>
public sealed class ChangingMembersTests : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(15);

    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-test-").FullName;
    private readonly Dictionary<string, KvorumServer> _servers = [];

    private static CancellationToken Ending => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers.Values)
            await server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>In the end no node is left of those that were there when the client began.</summary>
    [Fact(Timeout = 240_000)]
    public async Task A_client_that_knows_one_address_outlives_all_nodes_that_it_began_with()
    {
        await Start("a", null);
        await Start("b", "a");
        await Start("c", "a");
        await Holds("a", "a", "b", "c");
        var first = _servers["a"].Self.ClientAddress;
        await using var client = KvorumClient.Connect(new() { Addresses = [first], Timeout = Deadline });
        using var end = new CancellationTokenSource();
        var work = Enumerable.Range(0, 3).Select(worker => Task.Run(() => Work(client, worker, end.Token)))
            .ToArray();
        await Replace("a", "d", via: "b", "b", "c", "d");
        await Replace("b", "e", via: "c", "c", "d", "e");
        await Replace("c", "f", via: "d", "d", "e", "f");
        await end.CancelAsync();
        var done = await Task.WhenAll(work);
        Assert.All(done, count => Assert.True(count > 10, $"{count} rounds only"));

        // The node that the client asks hears of the last change a little later than others, or before them.
        string[] known = [];
        await Until(
            async () =>
            {
                known = [.. (await client.MapAsync(Ending)).Members.Select(member => member.Name).Order()];
                return known.SequenceEqual(["d", "e", "f"]);
            },
            () => $"the client knows d, e, f; it knows {string.Join(", ", known)}");
        for (var worker = 0; worker < done.Length; worker++)
        {
            var last = await client.GetAsync($"key {worker}", cancellationToken: Ending);
            Assert.Equal(Value(done[worker] - 1), last.Text);
        }
    }

    /// <summary>The others pass on what it asks, however much of it is theirs to answer.</summary>
    [Fact(Timeout = 120_000)]
    public async Task A_client_that_reaches_one_of_three_nodes_is_served()
    {
        // Nobody listens where two of the nodes say that clients reach them.
        using var deaf = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        deaf.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var nowhere = deaf.LocalEndPoint!.ToString()!;
        await Start("a", null);
        await Start("b", "a", nowhere);
        await Start("c", "a", nowhere);
        await Holds("a", "a", "b", "c");
        await using var client = KvorumClient.Connect(
            new() { Addresses = [_servers["a"].Self.ClientAddress], Timeout = Deadline });
        for (var n = 0; n < 100; n++)
        {
            var put = await client.PutAsync($"key {n}", Value(n), cancellationToken: Ending);
            var got = await client.GetAsync($"key {n}", cancellationToken: Ending);
            Assert.Equal((Value(n), put.Version), (got.Text, got.Version));
        }
    }

    /// <summary>Each write must find what the one before left: none is lost, none happens twice.</summary>
    private static async Task<int> Work(KvorumClient client, int worker, CancellationToken end)
    {
        ulong version = 0;
        var n = 0;
        for (; !end.IsCancellationRequested; n++)
        {
            var options = new WriteOptions { IfVersion = version };
            version = (await client.PutAsync($"key {worker}", Value(n), options, Ending)).Version;
            var got = await client.GetAsync($"key {worker}", cancellationToken: Ending);
            Assert.Equal((Value(n), version), (got.Text, got.Version));
            await Task.Delay(5, Ending);
        }

        return n;
    }

    private static string Value(int n) => string.Create(CultureInfo.InvariantCulture, $"value {n}");

    private async Task Start(string name, string? joins, string advertised = "")
    {
        _servers[name] = await KvorumServer.StartAsync(new()
        {
            Id = name,
            DataFolder = Path.Combine(_folder, name),
            ClientAddress = "127.0.0.1:0",
            AdvertiseClientAddress = advertised,
            HttpAddress = "127.0.0.1:0",
            PeerAddress = "127.0.0.1:0",
            Partitions = 4,
            Bootstrap = joins is null,
            Join = joins is null ? "" : _servers[joins].Self.PeerAddress,
        }, cancelled: Ending);
        await Until(async () => (await _servers[name].StatusAsync()).IsReady, () => $"{name} is ready");
    }

    private async Task Replace(string old, string young, string via, params string[] members)
    {
        await Start(young, via);
        var reply = await Ask(via, new ChangeMember(old, MemberWish.Decommission));
        Assert.True(reply.Status == ReplyStatus.Ok, reply.Message);
        await Holds(via, members);
        await _servers[old].DisposeAsync();
        _servers.Remove(old);
    }

    /// <summary>These are the members, and each partition is on all three of them.</summary>
    private async Task Holds(string via, params string[] members)
    {
        var seen = "";
        await Until(async () =>
        {
            var cluster = (await Ask(via, new ShowCluster())).Cluster;
            var partitions = (await Ask(via, new ShowPartitions())).Partitions;
            if (cluster is null || partitions is null)
                return false;
            seen = $"{string.Join(' ', cluster.Members.Select(one => $"{one.Name}:{one.Status}"))} "
                + string.Join(' ', partitions.Select(one => string.Concat(one.Voters)));
            return members.SequenceEqual(cluster.Members.Select(one => one.Name))
                && partitions.All(one => one.AtTarget == true && members.SequenceEqual(one.Voters.Order()));
        }, () => $"{string.Join(", ", members)} are the members; seen: {seen}");
    }

    private static async Task Until(Func<Task<bool>> holds, Func<string> what)
    {
        var time = Stopwatch.StartNew();
        while (!await holds())
        {
            Assert.True(time.Elapsed.TotalSeconds < 90, $"not within 90 s: {what()}");
            await Task.Delay(50, Ending);
        }
    }

    private async Task<AdminReply> Ask(string via, AdminRequest request)
    {
        await using var client = KvorumClient.Connect(
            new() { Addresses = [_servers[via].Self.ClientAddress], Timeout = Deadline });
        var reply = await client.AdministerAsync(
            AdminJson.Encode(request), request.IsRead, null, Ending);
        return AdminJson.DecodeReply(reply.Span);
    }
}
