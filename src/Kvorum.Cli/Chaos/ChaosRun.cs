using System.Diagnostics;
using System.Globalization;
using Kvorum.Client;
using Kvorum.Verification;

namespace Kvorum.Cli.Chaos;

/// <summary>
/// One run: a cluster, clients, faults; then everything is mended, the cluster must serve again within a
/// bound, every key is read, and the checkers say what they think of it all.
/// </summary>
internal sealed class ChaosRun(ChaosOptions options, Action<string> tell)
{
    // From a start of all nodes to the first answer; and from the last fault, with the longest back-off of
    // the links between nodes.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Recorder _recorder = new();
    private readonly List<string> _problems = [];

    /// <summary>Runs to the end; throws when cancelled only.</summary>
    public async Task<ChaosReport> Run(ChaosCluster cluster, CancellationToken cancel)
    {
        var time = Stopwatch.StartNew();
        var nemesis = new Nemesis(cluster, options, Say);
        double checkSeconds = 0;
        try
        {
            var reads = await Load(cluster, nemesis, cancel).ConfigureAwait(false);
            var checking = Stopwatch.StartNew();
            Check(reads);
            checkSeconds = checking.Elapsed.TotalSeconds;
            foreach (var kind in options.Kinds.Where(kind => nemesis.Fired(kind) == 0))
                _problems.Add($"the fault {Name(kind)} was asked for and never hit anything");
        }
        catch (Exception e) when (e is InvalidOperationException or TimeoutException)
        {
            _problems.Add(e.Message);
        }

        return new()
        {
            Passed = _problems.Count == 0,
            Seed = options.Seed,
            Nodes = options.Nodes,
            Seconds = time.Elapsed.TotalSeconds,
            CheckSeconds = checkSeconds,
            Operations = new(Enum.GetValues<OutcomeKind>().Where(kind => kind != OutcomeKind.Pending)
                .ToDictionary(kind => $"{kind}".ToLowerInvariant(), _recorder.Ended), StringComparer.Ordinal),
            Faults = new(options.Kinds.ToDictionary(Name, nemesis.Fired), StringComparer.Ordinal),
            Overlaps = nemesis.Overlaps,
            Problems = _problems,
        };

        void Say(string what) => tell(string.Create(
            CultureInfo.InvariantCulture, $"{time.Elapsed.TotalSeconds,6:0.0} s  {what}"));
    }

    private async Task<FinalRead[]> Load(ChaosCluster cluster, Nemesis nemesis, CancellationToken cancel)
    {
        KvorumClient[] connections =
            [.. Enumerable.Range(0, options.Clients + 1).Select(_ => Connect(cluster))];
        try
        {
            RegisterClient[] clients =
            [
                .. connections.Select((connection, n) =>
                    new RegisterClient(n, connection, _recorder, options)),
            ];
            foreach (var server in cluster.Servers)
                server.Start();
            await Serves(clients[^1], cluster, "the cluster serves", cancel).ConfigureAwait(false);
            if (cluster.Security is { } security)
                tell(await security.Enforce(cluster.Servers[0], cancel).ConfigureAwait(false));

            using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var work = clients[..^1].Select(client => client.Run(end.Token)).ToArray();
            try
            {
                await nemesis.Run(options.Duration, cancel).ConfigureAwait(false);
            }
            finally
            {
                await end.CancelAsync().ConfigureAwait(false);
                await Task.WhenAll(work).ConfigureAwait(false);
            }

            await Serves(clients[^1], cluster, "the cluster serves again when the faults are over", cancel)
                .ConfigureAwait(false);
            return await ReadAll(clients[^1]).ConfigureAwait(false);
        }
        finally
        {
            foreach (var connection in connections)
                await connection.DisposeAsync().ConfigureAwait(false);
        }
    }

    // Progress: each register takes a write, and each counter can be read.
    private async Task Serves(
        RegisterClient client, ChaosCluster cluster, string what, CancellationToken cancel)
    {
        var time = Stopwatch.StartNew();
        foreach (var key in RegisterClient.Keys(options))
        {
            while ((await client.Touch(key).ConfigureAwait(false)).Kind != OutcomeKind.Ok)
            {
                cluster.CheckRunning();
                cancel.ThrowIfCancellationRequested();
                if (time.Elapsed > Patience)
                    throw new TimeoutException($"not within {Patience.TotalSeconds} s: {what} ({key})");
            }
        }
    }

    private async Task<FinalRead[]> ReadAll(RegisterClient client)
    {
        var reads = new List<FinalRead>();
        foreach (var key in RegisterClient.Keys(options))
        {
            var read = await client.Get(key).ConfigureAwait(false);
            if (read.Kind == OutcomeKind.Ok)
                reads.Add(new(key, read.Value, read.Version));
        }

        return [.. reads];
    }

    private void Check(FinalRead[] reads)
    {
        var history = _recorder.History;
        tell($"checking {history.Operations.Count} operations");
        var result = LinearizabilityChecker.Check(history);
        _problems.AddRange(result.Violations.Select(violation => violation.ToString()));
        _problems.AddRange(result.Undecided.Select(key =>
            $"{LinearizabilityChecker.Theorem}: {key}: not decided, the search took too long"));
        _problems.AddRange(ExactlyOnceChecker.Check(history).Select(violation => violation.ToString()));
        _problems.AddRange(DurabilityChecker.Check(history, reads).Select(violation => violation.ToString()));
    }

    private static KvorumClient Connect(ChaosCluster cluster) => KvorumClient.Connect(new()
    {
        Addresses = [.. cluster.Servers.Select(server => server.Address)],
        Timeout = TimeSpan.FromMilliseconds(1500),
        // A TLS handshake waits for a processor that everybody wants.
        ConnectTimeout = TimeSpan.FromMilliseconds(cluster.Security is null ? 300 : 1000),
        Name = "kvorum-chaos",
        Tls = cluster.Security?.Tls,
    });

    private static string Name(FaultKind kind) => ChaosOptions.FaultNames[(int)kind];
}
