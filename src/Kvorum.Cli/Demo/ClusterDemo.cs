using System.Globalization;
using Kvorum.Cli.Administration;
using Kvorum.Cli.CommandLine;
using Kvorum.Client;
using Kvorum.Node.Administration;
using Kvorum.Protocol;

namespace Kvorum.Cli.Demo;

/// <summary>
/// Five nodes, one is lost for good, a sixth takes its place, and a client that goes on all the time.
/// </summary>
internal sealed class ClusterDemo(DemoCluster cluster, DemoSteps steps)
{
    private const int Replicas = 3;
    private const int Lost = 2;

    /// <summary>Operations after which the client counts as going on.</summary>
    private const int GoesOn = 500;

    /// <summary>Reads under way at once when all keys are read again.</summary>
    private const int ReadsAtOnce = 32;

    // A move copies data and takes rounds of consensus; many of them share this machine.
    private static readonly TimeSpan MovePatience = TimeSpan.FromSeconds(60);

    private readonly HashSet<(uint Partition, string Member)> _held = [];
    private int _moved;

    public async Task<bool> Run(CancellationToken cancel)
    {
        steps.Title("Kvorum: a cluster that grows, loses a node and heals under a client");
        await steps.Step("node-1 founds a cluster, four others join it", Start, cancel).ConfigureAwait(false);
        if (steps.Failed > 0)
            return steps.Verdict();
        await steps.Enforce(cluster, cancel).ConfigureAwait(false);
        await steps.Step(
            "each partition has three replicas on the five nodes", Spread, cancel).ConfigureAwait(false);
        await using var client = new DemoClient(
            [.. cluster.Servers.Take(5).Select(one => one.Address)], tls: cluster.Security?.Tls);
        await steps.Step(
            "a client writes and reads, from now on all the time", _ => Begin(client, cancel), cancel)
            .ConfigureAwait(false);
        await steps.Step(
            "kill -9 of node-3: the client goes on", _ => Kill(client, cancel), cancel).ConfigureAwait(false);
        await steps.Step("node-6 joins", Join, cancel).ConfigureAwait(false);
        await steps.Step("node-3 is declared lost", Replace, cancel).ConfigureAwait(false);
        await steps.Step(
            "its replicas are made anew, node-6 takes its share", _ => Move(client, cancel), cancel)
            .ConfigureAwait(false);
        await steps.Step(
            "the client stops: no call failed", _ => End(client), cancel).ConfigureAwait(false);
        await steps.Step(
            "every acknowledged key, read again through every node", _ => ReadAgain(client, cancel), cancel)
            .ConfigureAwait(false);
        return steps.Verdict(string.Create(
            CultureInfo.InvariantCulture,
            $"{client.Operations} operations, {client.Problems.Count} failed, longest pause of the client "
            + $"{client.LongestPause.TotalMilliseconds:0} ms, {_moved} replicas moved"));
    }

    private IEnumerable<DemoServer> Living => cluster.Servers.Where((_, n) => n != Lost);

    private async Task<string> Start(CancellationToken cancel)
    {
        cluster.Servers[0].Start();
        await DemoSteps.Ready(cluster.Servers[0], cancel).ConfigureAwait(false);
        var joining = cluster.Servers.Skip(1).Take(4).ToArray();
        foreach (var server in joining)
            server.Start();
        foreach (var server in joining)
            await DemoSteps.Ready(server, cancel).ConfigureAwait(false);
        return string.Join(", ", cluster.Servers.Take(5).Select(static one => one.Address));
    }

    private async Task<string> Spread(CancellationToken cancel)
    {
        var told = "";
        await Arrived(cluster.Servers.Take(5), (report, partitions) =>
        {
            var copies = partitions.Sum(static one => one.Voters.Count);
            var due = partitions.Count * Replicas;
            var line = $"{copies} of {due} replicas, {report.MovesUnderWay} on the way";
            if (line != told)
                steps.Say(told = line);
        }, cancel).ConfigureAwait(false);
        _moved = 0;
        return await Shares(cancel).ConfigureAwait(false);
    }

    private static async Task<string> Begin(DemoClient client, CancellationToken cancel)
    {
        client.Start();
        await GoesOnWith(client, cancel).ConfigureAwait(false);
        return Count(client);
    }

    private async Task<string> Kill(DemoClient client, CancellationToken cancel)
    {
        var lost = cluster.Servers[Lost];
        var pid = lost.ProcessId;
        await lost.Kill().ConfigureAwait(false);
        await GoesOnWith(client, cancel).ConfigureAwait(false);
        return $"killed process {pid}; {Count(client)}";
    }

    private async Task<string> Join(CancellationToken cancel)
    {
        var joining = cluster.Servers[5];
        joining.Start();
        await DemoSteps.Ready(joining, cancel).ConfigureAwait(false);
        return $"{joining.Name} at {joining.Address}";
    }

    private async Task<string> Replace(CancellationToken cancel)
    {
        var message = "";
        await DemoSteps.Until("the cluster takes the change", async () =>
        {
            await using var client = DemoSteps.Connect(cluster.Servers[0]);
            var (reply, _) = await AdminCall.Ask(
                client, new ChangeMember(cluster.Servers[Lost].Name, MemberWish.Replace), cancel)
                .ConfigureAwait(false);
            message = reply.Message;
            return reply.Status == ReplyStatus.Ok;
        }, cancel, () => message).ConfigureAwait(false);
        return message;
    }

    private async Task<string> Move(DemoClient client, CancellationToken cancel)
    {
        var (told, most) = ("", 0);
        var lost = cluster.Servers[Lost].Name;
        await Arrived(Living, (report, partitions) =>
        {
            var left = partitions.Count(one => one.Voters.Concat(one.Learners).Contains(lost));
            most = Math.Max(most, left);
            var line = $"{most - left} of {most} replicas of {lost} made anew, {report.MovesUnderWay} on the "
                + "way, ";
            if (line != told)
                steps.Say($"{told = line}{Count(client)}");
        }, cancel).ConfigureAwait(false);
        return await Shares(cancel).ConfigureAwait(false);
    }

    private static async Task<string> End(DemoClient client)
    {
        await client.Stop().ConfigureAwait(false);
        return client.Problems.Count == 0 ? Count(client)
            : throw new InvalidOperationException(
                $"{client.Problems.Count} calls failed, the first: {client.Problems.First()}");
    }

    private async Task<string> ReadAgain(DemoClient client, CancellationToken cancel)
    {
        var nodes = Living.ToArray();
        foreach (var node in nodes)
        {
            await using var asker = DemoSteps.Connect(node);
            await Parallel.ForEachAsync(
                client.Acknowledged, new ParallelOptions
                {
                    MaxDegreeOfParallelism = ReadsAtOnce,
                    CancellationToken = cancel,
                }, async (entry, _) => await Expect(asker, node, entry.Key, entry.Value.Value, cancel)
                    .ConfigureAwait(false)).ConfigureAwait(false);
        }

        return $"{client.Acknowledged.Count} keys through {nodes.Length} nodes";
    }

    private static async Task Expect(
        KvorumClient asker, DemoServer node, string key, string value, CancellationToken cancel)
    {
        Reply? last = null;
        await DemoSteps.Until($"{node.Name} answers for {key}", async () =>
        {
            last = await asker.AskNodeAsync(
                node.Address, new GetRequest { Key = Bytes.Of(key) }, null, cancel).ConfigureAwait(false);
            return last.Status == ReplyStatus.Ok;
        }, cancel, () => last is null ? "" : $"{last.Status}: {last.Message}").ConfigureAwait(false);
        if (!last!.Found || !last.Value.Span.SequenceEqual(Bytes.Of(value)))
            throw new InvalidOperationException($"{node.Name} has another {key} than was acknowledged");
    }

    /// <summary>
    /// Waits until each partition has all its replicas where they should be, all on these nodes, none of
    /// which is empty.
    /// </summary>
    private async Task Arrived(
        IEnumerable<DemoServer> nodes, Action<ClusterReport, IReadOnlyList<PartitionReport>> look,
        CancellationToken cancel)
    {
        var names = nodes.Select(static one => one.Name).ToHashSet();
        var missing = "";
        await DemoSteps.Until("all replicas are where they should be", MovePatience, async () =>
        {
            await Task.Delay(200, cancel).ConfigureAwait(false);
            var (report, partitions) = await Look(cancel).ConfigureAwait(false);
            look(report, partitions);
            var there = partitions.Count(one => one.AtTarget == true && one.Learners.Count == 0
                && one.Voters.Count == Replicas && one.Voters.All(names.Contains));
            missing = $"{there} of {partitions.Count} partitions are; obstacles: "
                + string.Join(" ", report.Obstacles.Select(static one => one.Text).Take(3));
            return there == partitions.Count && report is { MovesUnderWay: 0, Leader.Length: > 0 }
                && report.Members.Count == names.Count
                && report.Members.All(one => one.Replicas > 0 && names.Contains(one.Name));
        }, cancel, () => missing).ConfigureAwait(false);
    }

    private async Task<(ClusterReport Report, IReadOnlyList<PartitionReport> Partitions)> Look(
        CancellationToken cancel)
    {
        await using var client = DemoSteps.Connect(cluster.Servers[0]);
        var (shown, _) = await AdminCall.Ask(client, new ShowCluster(), cancel).ConfigureAwait(false);
        AdminCall.ThrowUnlessOk(shown);
        var (partitions, _) = await AdminCall.Ask(client, new ShowPartitions(), cancel).ConfigureAwait(false);
        AdminCall.ThrowUnlessOk(partitions);
        foreach (var partition in partitions.Partitions!)
        {
            foreach (var member in partition.Voters.Concat(partition.Learners))
                _moved += _held.Add((partition.Partition, member)) ? 1 : 0;
        }

        return (shown.Cluster!, partitions.Partitions);
    }

    private async Task<string> Shares(CancellationToken cancel)
    {
        var (report, _) = await Look(cancel).ConfigureAwait(false);
        return "replicas: " + string.Join(
            ", ", report.Members.Select(static one => $"{one.Name} {one.Replicas}"));
    }

    private static Task GoesOnWith(DemoClient client, CancellationToken cancel)
    {
        var before = client.Operations;
        return DemoSteps.Until(
            $"the client does {GoesOn} operations",
            () => Task.FromResult(client.Operations >= before + GoesOn), cancel, () => Count(client));
    }

    private static string Count(DemoClient client) => string.Create(
        CultureInfo.InvariantCulture,
        $"the client has done {client.Operations} operations, {client.Problems.Count} failed, "
        + $"the longest took {client.LongestPause.TotalMilliseconds:0} ms");
}
