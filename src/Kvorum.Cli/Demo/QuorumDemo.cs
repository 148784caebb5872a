using System.Globalization;
using Kvorum.Cli.Administration;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Network;
using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Cli.Demo;

/// <summary>
/// Five nodes with two quorum keyspaces under a client: one node is killed and returns, its disk is wiped and
/// it is replaced, the network splits and heals; at the end each replica is asked for every key.
/// </summary>
internal sealed class QuorumDemo(DemoCluster cluster, DemoSteps steps)
{
    private const string Strict = "orders";
    private const string Sloppy = "carts";
    private const int Lost = 2;

    /// <summary>Operations after which a client counts as going on.</summary>
    private const int GoesOn = 250;

    // Moves copy data and take rounds of consensus; hints are handed over with a wait that doubles.
    private static readonly TimeSpan MovePatience = TimeSpan.FromSeconds(60);

    private static readonly int[] Smaller = [3, 4];

    private readonly List<DueRecord> _written = [];
    private int _copies;

    public async Task<bool> Run(CancellationToken cancel)
    {
        steps.Title("Kvorum: five servers, a strict and a sloppy quorum keyspace, a client that never stops");
        await steps.Step(
            $"start five servers; make {Strict} (strict, 3 of 5 replicas) and {Sloppy} (sloppy, 2 of 3)",
            Start, cancel).ConfigureAwait(false);
        if (steps.Failed > 0)
            return steps.Verdict();
        await steps.Enforce(cluster, cancel).ConfigureAwait(false);
        var tls = cluster.Security?.Tls;
        string[] addresses = [.. cluster.Servers.Select(static one => one.Address)];
        await using var strict = new DemoClient(
            addresses, Strict, DemoPromise.SeesAcknowledged, workers: 2, tls);
        await using var sloppy = new DemoClient(addresses, Sloppy, DemoPromise.Converges, workers: 2, tls);
        DemoClient[] clients = [strict, sloppy];
        await steps.Step(
            "a client writes and reads both, from now on all the time", _ => Begin(clients, cancel), cancel)
            .ConfigureAwait(false);
        await steps.Step(
            "kill -9 of node-3: the client goes on, others keep hints", _ => Kill(clients, cancel), cancel)
            .ConfigureAwait(false);
        await steps.Step(
            "node-3 returns and gets what it missed", _ => Return(clients, cancel), cancel)
            .ConfigureAwait(false);
        await steps.Step(
            "kill -9 of node-3, its disk is wiped: it is replaced and filled",
            _ => Replace(clients, cancel), cancel).ConfigureAwait(false);
        await steps.Step(
            "the network splits, 3 nodes here and 2 there", _ => Split(cancel), cancel).ConfigureAwait(false);
        await steps.Step(
            "the network is whole again: both sides converge", _ => Heal(clients, cancel), cancel)
            .ConfigureAwait(false);
        await steps.Step("the client stops: no call failed", _ => End(clients), cancel).ConfigureAwait(false);
        await steps.Step(
            "every acknowledged key, read again on every replica", _ => ReadAgain(clients, cancel), cancel)
            .ConfigureAwait(false);
        return steps.Verdict($"{Count(clients)}, {_copies} copies read");
    }

    private async Task<string> Start(CancellationToken cancel)
    {
        foreach (var server in cluster.Servers)
            server.Start();
        foreach (var server in cluster.Servers)
            await DemoSteps.Ready(server, cancel).ConfigureAwait(false);
        await Change(new CreateKeyspace(Strict) { Mode = "quorum", Replicas = 5 }, cancel)
            .ConfigureAwait(false);
        await Change(new CreateKeyspace(Sloppy) { Mode = "quorum", Replicas = 3, IsSloppy = true }, cancel)
            .ConfigureAwait(false);
        await Arrived(cancel).ConfigureAwait(false);
        return string.Join(", ", cluster.Servers.Select(static one => one.Address));
    }

    private static async Task<string> Begin(DemoClient[] clients, CancellationToken cancel)
    {
        foreach (var client in clients)
            client.Start();
        await GoesOnWith(clients, cancel).ConfigureAwait(false);
        return Count(clients);
    }

    private async Task<string> Kill(DemoClient[] clients, CancellationToken cancel)
    {
        var lost = cluster.Servers[Lost];
        var pid = lost.ProcessId;
        await lost.Kill().ConfigureAwait(false);
        await GoesOnWith(clients, cancel).ConfigureAwait(false);
        return $"killed process {pid}; {Count(clients)}";
    }

    private async Task<string> Return(DemoClient[] clients, CancellationToken cancel)
    {
        var returned = cluster.Servers[Lost];
        returned.Start();
        await DemoSteps.Ready(returned, cancel).ConfigureAwait(false);
        var copies = await Arrive(clients, [returned], cancel).ConfigureAwait(false);
        return $"its own disk has all {copies} records that it should; {Count(clients)}";
    }

    private async Task<string> Replace(DemoClient[] clients, CancellationToken cancel)
    {
        var lost = cluster.Servers[Lost];
        await lost.Kill().ConfigureAwait(false);
        await Change(new ChangeMember(lost.Name, MemberWish.Replace), cancel).ConfigureAwait(false);
        // The question to join needs no way that can be cut.
        lost.StartEmpty(
            "--join", cluster.Servers[0].PeerAddress, "--advertise-peer-addr", cluster.PeerAddresses[Lost]);
        await DemoSteps.Ready(lost, cancel).ConfigureAwait(false);
        await Arrived(cancel).ConfigureAwait(false);
        var copies = await Arrive(clients, [lost], cancel).ConfigureAwait(false);
        return $"its new disk has all {copies} records that it should; {Count(clients)}";
    }

    /// <summary>
    /// Writes a key of each partition on both sides: the sloppy keyspace takes them on both, the strict one
    /// on the larger side alone.
    /// </summary>
    private async Task<string> Split(CancellationToken cancel)
    {
        foreach (var (from, to) in cluster.Network!.Across(Smaller))
            cluster.Network.Between(from, to).Break(CutMode.Reset);
        var (larger, smaller) = (cluster.Servers[0], cluster.Servers[Smaller[0]]);
        var keys = await KeyOfEachPartition(cancel).ConfigureAwait(false);
        var refusal = "";
        foreach (var key in keys)
        {
            await Expect(larger, Strict, key, "larger side", cancel).ConfigureAwait(false);
            await Expect(larger, Sloppy, key, "larger side", cancel).ConfigureAwait(false);
            refusal = await ExpectNo(smaller, Strict, key, cancel).ConfigureAwait(false);
            _written.Add(await Expect(smaller, Sloppy, key, "smaller side", cancel).ConfigureAwait(false));
        }

        steps.Say($"{smaller.Name} of {Strict}: {refusal}");
        return $"a key of each of {keys.Count} partitions: {Sloppy} takes writes on both sides, {Strict} on "
            + "the larger alone";
    }

    private async Task<string> Heal(DemoClient[] clients, CancellationToken cancel)
    {
        await GoesOnWith(clients, cancel).ConfigureAwait(false);
        foreach (var (from, to) in cluster.Network!.Across(Smaller))
            cluster.Network.Between(from, to).Mend(resets: true);
        var reads = await ReplicaReads.Of(cluster.Servers[0], Sloppy, cancel).ConfigureAwait(false);
        var copies = await reads.Arrive(_written, cluster.Servers, MovePatience, cancel)
            .ConfigureAwait(false);
        return $"{_written.Count} keys were written on both sides: all {copies} copies are the last write";
    }

    private static async Task<string> End(DemoClient[] clients)
    {
        foreach (var client in clients)
            await client.Stop().ConfigureAwait(false);
        var problems = clients.SelectMany(static client => client.Problems).ToArray();
        return problems.Length == 0
            ? $"{clients.Sum(static client => client.StaleReads)} reads of {Sloppy} were out of date, which "
                + "it permits"
            : throw new InvalidOperationException(
                $"{problems.Length} calls failed, the first: {problems[0]}");
    }

    private async Task<string> ReadAgain(DemoClient[] clients, CancellationToken cancel)
    {
        _copies = await Arrive(clients, cluster.Servers, cancel).ConfigureAwait(false);
        return $"{clients.Sum(static client => client.Acknowledged.Count)} keys, {_copies} copies";
    }

    /// <summary>Waits until the nodes have on their own disks what is acknowledged now.</summary>
    private async Task<int> Arrive(
        DemoClient[] clients, IReadOnlyList<DemoServer> nodes, CancellationToken cancel)
    {
        var copies = 0;
        foreach (var (client, keyspace) in clients.Zip([Strict, Sloppy]))
        {
            var reads = await ReplicaReads.Of(cluster.Servers[0], keyspace, cancel).ConfigureAwait(false);
            var due = client.Acknowledged.Select(static one =>
                new DueRecord(one.Key, one.Value.Value, one.Value.Version)).ToArray();
            copies += await reads.Arrive(due, nodes, MovePatience, cancel).ConfigureAwait(false);
        }

        return copies;
    }

    private async Task<IReadOnlyCollection<string>> KeyOfEachPartition(CancellationToken cancel)
    {
        var reads = await ReplicaReads.Of(cluster.Servers[0], Sloppy, cancel).ConfigureAwait(false);
        var keys = new SortedDictionary<int, string>();
        for (var n = 0; keys.Count < reads.Partitions; n++)
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"split:{n}");
            keys.TryAdd(reads.PartitionOf(key), key);
        }

        return keys.Values;
    }

    private static async Task<DueRecord> Expect(
        DemoServer node, string keyspace, string key, string value, CancellationToken cancel)
    {
        Reply? last = null;
        await DemoSteps.Until($"{node.Name} takes {key} of {keyspace}", async () =>
        {
            last = await Put(node, keyspace, key, value, cancel).ConfigureAwait(false);
            return last.Status == ReplyStatus.Ok;
        }, cancel, () => last is null ? "" : $"{last.Status}: {last.Message}").ConfigureAwait(false);
        return new(key, value, last!.Version);
    }

    // Until the node knows that the others are away it may try, and say that the outcome is unknown.
    private static async Task<string> ExpectNo(
        DemoServer node, string keyspace, string key, CancellationToken cancel)
    {
        Reply? last = null;
        await DemoSteps.Until($"{node.Name} refuses {key} of {keyspace}", async () =>
        {
            last = await Put(node, keyspace, key, "smaller side", cancel).ConfigureAwait(false);
            if (last.Status == ReplyStatus.Ok)
                throw new InvalidOperationException($"{node.Name} took {key} on the smaller side");
            return last.Status == ReplyStatus.Unavailable;
        }, cancel, () => last is null ? "" : $"{last.Status}: {last.Message}").ConfigureAwait(false);
        return last!.Message;
    }

    private static async Task<Reply> Put(
        DemoServer node, string keyspace, string key, string value, CancellationToken cancel)
    {
        await using var client = DemoSteps.Connect(node);
        var put = new PutRequest
        {
            Keyspace = keyspace,
            Key = Bytes.Of(key),
            Value = Bytes.Of(value),
        };
        return await client.AskNodeAsync(node.Address, put, TimeSpan.FromSeconds(2), cancel)
            .ConfigureAwait(false);
    }

    private async Task Change(AdminChange change, CancellationToken cancel)
    {
        var message = "";
        await DemoSteps.Until("the cluster takes the change", async () =>
        {
            await using var client = DemoSteps.Connect(cluster.Servers[0]);
            var (reply, _) = await AdminCall.Ask(client, change, cancel).ConfigureAwait(false);
            message = reply.Message;
            return reply.Status == ReplyStatus.Ok;
        }, cancel, () => message).ConfigureAwait(false);
    }

    /// <summary>Waits until all replicas are where they should be, on five members.</summary>
    private async Task Arrived(CancellationToken cancel)
    {
        var missing = "";
        await DemoSteps.Until("all replicas are where they should be", MovePatience, async () =>
        {
            await Task.Delay(200, cancel).ConfigureAwait(false);
            await using var client = DemoSteps.Connect(cluster.Servers[0]);
            var (shown, _) = await AdminCall.Ask(client, new ShowCluster(), cancel).ConfigureAwait(false);
            AdminCall.ThrowUnlessOk(shown);
            var report = shown.Cluster!;
            missing = $"{report.MovesUnderWay} on the way; obstacles: "
                + string.Join(" ", report.Obstacles.Select(static one => one.Text).Take(3));
            return report is { MovesUnderWay: 0, Leader.Length: > 0 } && report.Obstacles.Count == 0
                && report.Keyspaces.All(static one => one.AtTarget == one.Partitions)
                && report.Members.Count == cluster.Servers.Count
                && report.Members.All(static one => one.Replicas > 0);
        }, cancel, () => missing).ConfigureAwait(false);
    }

    private static async Task GoesOnWith(DemoClient[] clients, CancellationToken cancel)
    {
        foreach (var client in clients)
        {
            var before = client.Operations;
            await DemoSteps.Until(
                $"the client does {GoesOn} operations",
                () => Task.FromResult(client.Operations >= before + GoesOn), cancel,
                () => $"{Count([client])} {client.Problems.FirstOrDefault()}").ConfigureAwait(false);
        }
    }

    private static string Count(DemoClient[] clients) => string.Create(
        CultureInfo.InvariantCulture,
        $"{clients.Sum(static one => one.Operations)} operations, "
        + $"{clients.Sum(static one => one.Problems.Count)} failed, the longest took "
        + $"{clients.Max(static one => one.LongestPause.TotalMilliseconds):0} ms");
}
