using System.Diagnostics;
using System.Globalization;
using Kvorum.Cli.CommandLine;
using Kvorum.Node;
using Kvorum.Protocol;

namespace Kvorum.Cli.Demo;

/// <summary>The steps, each shown as PASS or FAIL with what was seen.</summary>
internal sealed class RaftDemo(DemoCluster cluster, DemoSteps steps)
{
    private DemoServer? _killed;

    public async Task<bool> Run(CancellationToken cancel)
    {
        steps.Title("Kvorum: three servers, one strong keyspace");
        await steps.Step("start three servers", Start, cancel).ConfigureAwait(false);
        await steps.Enforce(cluster, cancel).ConfigureAwait(false);
        if (steps.Failed == 0)
        {
            await steps.Step(
                "exactly one leader in the metadata group", OneLeader, cancel).ConfigureAwait(false);
            await steps.Step(
                "write through one node, read from all three", Replication, cancel).ConfigureAwait(false);
            await steps.Step(
                "user:1, user:2, user:3 written here, read there", ManyKeys, cancel).ConfigureAwait(false);
            await steps.Step(
                "kill -9 of the leader: another one is elected", KillLeader, cancel).ConfigureAwait(false);
            await steps.Step(
                "write and read on the two survivors", Survive, cancel).ConfigureAwait(false);
            await steps.Step(
                "the killed node returns and catches up to lag 0", Return, cancel).ConfigureAwait(false);
            await steps.Step(
                "the same request three times is applied once", ExactlyOnce, cancel).ConfigureAwait(false);
            await steps.Step("a new request is applied", NewRequest, cancel).ConfigureAwait(false);
        }

        return steps.Verdict();
    }

    private async Task<string> Start(CancellationToken cancel)
    {
        foreach (var server in cluster.Servers)
            server.Start();
        foreach (var server in cluster.Servers)
            await DemoSteps.Ready(server, cancel).ConfigureAwait(false);
        return string.Join(", ", cluster.Servers.Select(server => $"{server.Name} at {server.Address}"));
    }

    private async Task<string> OneLeader(CancellationToken cancel)
    {
        var (leader, term) = await Leader(cluster.Servers, cancel).ConfigureAwait(false);
        return $"{leader.Name} leads in term {term}";
    }

    private async Task<string> Replication(CancellationToken cancel)
    {
        await Put(cluster.Servers[0], "test_key", "test_value", 1, cancel).ConfigureAwait(false);
        foreach (var server in cluster.Servers)
            await Expect(server, "test_key", "test_value", cancel).ConfigureAwait(false);
        return "value=\"test_value\" three times";
    }

    private async Task<string> ManyKeys(CancellationToken cancel)
    {
        string[] names = ["alice", "bob", "charlie"];
        for (var n = 0; n < 3; n++)
            await Put(
                cluster.Servers[0], $"user:{n + 1}", names[n], (ulong)n + 10, cancel).ConfigureAwait(false);
        for (var n = 0; n < 3; n++)
            await Expect(
                cluster.Servers[n == 2 ? 2 : 1], $"user:{n + 1}", names[n], cancel).ConfigureAwait(false);
        return "alice, bob, charlie";
    }

    private async Task<string> KillLeader(CancellationToken cancel)
    {
        var (leader, term) = await Leader(cluster.Servers, cancel).ConfigureAwait(false);
        var pid = leader.ProcessId;
        var time = Stopwatch.StartNew();
        await leader.Kill().ConfigureAwait(false);
        _killed = leader;
        var (successor, next) = await Leader(Survivors, cancel).ConfigureAwait(false);
        if (next <= term)
            throw new InvalidOperationException(
                $"term {next} of {successor.Name} does not follow term {term}");
        var ms = string.Create(CultureInfo.InvariantCulture, $"{time.ElapsedMilliseconds}");
        return $"killed {leader.Name} (process {pid}), {successor.Name} leads in term {next} after {ms} ms";
    }

    private async Task<string> Survive(CancellationToken cancel)
    {
        await Put(Survivors.First(), "failover_key", "success", 20, cancel).ConfigureAwait(false);
        foreach (var server in Survivors)
        {
            await Expect(server, "failover_key", "success", cancel).ConfigureAwait(false);
            await Expect(server, "test_key", "test_value", cancel).ConfigureAwait(false);
        }

        return "new write and old one are there";
    }

    private async Task<string> Return(CancellationToken cancel)
    {
        var returned = _killed ?? throw new InvalidOperationException("no node was killed");
        returned.Start();
        await DemoSteps.Ready(returned, cancel).ConfigureAwait(false);
        await DemoSteps.Until($"{returned.Name} has lag 0", () => HasNoLag(returned.Name, cancel), cancel)
            .ConfigureAwait(false);
        await Expect(returned, "failover_key", "success", cancel).ConfigureAwait(false);
        return $"{returned.Name} is back";
    }

    private async Task<string> ExactlyOnce(CancellationToken cancel)
    {
        var versions = new ulong[3];
        for (var n = 0; n < 3; n++)
            versions[n] = (await Put(
                cluster.Servers[n], "idempotent_key", "value1", 999, cancel).ConfigureAwait(false)).Version;
        await Expect(cluster.Servers[0], "idempotent_key", "value1", cancel).ConfigureAwait(false);
        return versions.Distinct().Count() == 1
            ? $"three answers with version {versions[0]}, through three nodes"
            : throw new InvalidOperationException(
                $"applied more than once: versions {string.Join(", ", versions)}");
    }

    private async Task<string> NewRequest(CancellationToken cancel)
    {
        await Put(cluster.Servers[0], "idempotent_key", "value2", 1000, cancel).ConfigureAwait(false);
        foreach (var server in cluster.Servers)
            await Expect(server, "idempotent_key", "value2", cancel).ConfigureAwait(false);
        return "value=\"value2\"";
    }

    private IEnumerable<DemoServer> Survivors => cluster.Servers.Where(server => server != _killed);

    /// <summary>
    /// The one leader of the metadata group: every server says so, of itself and in the same term.
    /// </summary>
    private static async Task<(DemoServer Leader, ulong Term)> Leader(
        IEnumerable<DemoServer> servers, CancellationToken cancel)
    {
        (DemoServer, ulong)? found = null;
        await DemoSteps.Until("one leader", async () =>
        {
            List<(DemoServer Server, NodeStatus Report)> reports = [];
            foreach (var server in servers)
                reports.Add((server, await DemoSteps.Report(server, cancel).ConfigureAwait(false)));
            var leaders = reports.Where(one => one.Report.IsMetaLeader).ToArray();
            var agree = reports.Select(one => one.Report.MetaTerm).Distinct().Count() == 1;
            if (leaders.Length == 1 && agree)
                found = (leaders[0].Server, leaders[0].Report.MetaTerm);
            return found is not null;
        }, cancel).ConfigureAwait(false);
        return found!.Value;
    }

    private async Task<bool> HasNoLag(string name, CancellationToken cancel)
    {
        foreach (var server in cluster.Servers)
        {
            var report = await DemoSteps.Report(server, cancel).ConfigureAwait(false);
            if (report.Partitions.Any(replica => replica.FollowerLag.GetValueOrDefault(name) > 0))
                return false;
        }

        return true;
    }

    private static async Task<Reply> Ask(DemoServer server, Request request, CancellationToken cancel)
    {
        await using var client = DemoSteps.Connect(server);
        return await client.AskNodeAsync(server.Address, request, TimeSpan.FromSeconds(2), cancel)
            .ConfigureAwait(false);
    }

    /// <summary>Writes through this very node; repeated with the same ids while that is safe.</summary>
    private static async Task<Reply> Put(
        DemoServer server, string key, string value, ulong request, CancellationToken cancel)
    {
        var put = new PutRequest
        {
            Key = Bytes.Of(key),
            Value = Bytes.Of(value),
            ClientId = "demo",
            RequestId = request,
        };
        Reply? last = null;
        await DemoSteps.Until($"{server.Name} takes {key}", async () =>
        {
            last = await Ask(server, put, cancel).ConfigureAwait(false);
            return last.Status == ReplyStatus.Ok;
        }, cancel, () => last is null ? "" : $"{last.Status}: {last.Message}").ConfigureAwait(false);
        return last!;
    }

    /// <summary>Reads from this very node.</summary>
    private static async Task Expect(DemoServer server, string key, string value, CancellationToken cancel)
    {
        Reply? last = null;
        await DemoSteps.Until($"{server.Name} answers for {key}", async () =>
        {
            last = await Ask(server, new GetRequest { Key = Bytes.Of(key) }, cancel).ConfigureAwait(false);
            return last.Status == ReplyStatus.Ok;
        }, cancel, () => last is null ? "" : $"{last.Status}: {last.Message}").ConfigureAwait(false);
        if (!last!.Found || !last.Value.Span.SequenceEqual(Bytes.Of(value)))
            throw new InvalidOperationException(
                $"{server.Name} has {key}={GoQuote.Of(last.Value.Span)}, not \"{value}\"");
    }
}
