using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Kvorum.Client;

namespace Kvorum.Cli.Bench;

/// <summary>
/// <c>kvorum bench put|get|mixed</c>: how fast is a cluster? Exit code 0 when it was measured, 1 when no
/// operation succeeded, 2 when it was asked wrongly.
/// </summary>
internal static class BenchCommand
{
    private static readonly BenchOptions Defaults = new();

    private static readonly Argument<string> Workload = new("workload")
    {
        Description = "put, get, or mixed (see --read-ratio)",
        DefaultValueFactory = static _ => Defaults.Workload,
        HelpName = "put|get|mixed",
        CompletionSources = { "put", "get", "mixed" },
    };

    private static readonly ClientFlags Cluster = new(Defaults.Timeout);

    private static readonly Option<string> Keyspace = ClientFlags.Keyspace();
    private static readonly Option<int> KeySize = Flag.Number(
        "--key-size", "Bytes of a key", Defaults.KeySize);
    private static readonly Option<int> ValueSize = Flag.Number(
        "--value-size", "Bytes of a value", Defaults.ValueSize);

    private static readonly Option<int> Clients = Flag.Number(
        "--clients", "Clients, each with one call under way", Defaults.Clients);

    private static readonly Option<int> Connections = Flag.Number(
        "--connections", "Connections to each node", Defaults.Connections);

    private static readonly Option<long> Keys = Flag.Number(
        "--keys", "Number of different keys", Defaults.Keys);

    private static readonly Option<double> ReadRatio = Ratio(
        "--read-ratio", "Share of reads in mixed", Defaults.ReadRatio);

    private static readonly Option<Duration> Duration = Flag.Time(
        "--duration", "How long to measure", Defaults.Duration);

    private static readonly Option<Duration> Warmup = Flag.Time(
        "--warmup", "How long to load before measuring", Defaults.Warmup);

    private static readonly Option<string> Distribution = Flag.Word(
        "--distribution", "How keys are drawn; zipf with 0.99", Defaults.Distribution,
        "uniform", "sequential", "zipf");

    private static readonly Option<string> Consistency = ClientFlags.Consistency();

    private static readonly Option<Duration> Timeline = Flag.Time(
        "--timeline", "With --json: what was done by the end of each step of this length; 0s: not told",
        Defaults.Timeline);

    private static readonly Option<bool> Fill = Flag.Switch(
        "--fill", "Write every key once before measuring");

    /// <summary>The command, to be added to the root.</summary>
    public static Command Create()
    {
        var command = new Command(
            "bench", "Measure throughput and latency of a cluster under closed-loop load")
        {
            Workload, Keyspace, KeySize, ValueSize, Clients, Connections, Duration, Warmup, Keys,
            Distribution, ReadRatio, Consistency, Fill, Timeline,
        };
        Cluster.AddTo(command);
        command.SetAction(static (parsed, _) => ClientCall.Run(parsed, Cluster, output => RunAsync(
            Read(parsed), output, parsed.InvocationConfiguration.Error)));
        return command;
    }

    /// <summary>
    /// Measures and reports. A signal ends it early, and what was measured until then is reported.
    /// </summary>
    private static async Task<int> RunAsync(BenchOptions options, TextWriter output, TextWriter errors)
    {
        var mistakes = options.Mistakes().ToArray();
        foreach (var mistake in mistakes)
            await errors.WriteLineAsync($"kvorum bench: {mistake}").ConfigureAwait(false);
        if (mistakes.Length > 0)
            return ExitCode.Usage;
        using var end = new EndSignals();
        try
        {
            return await MeasureAsync(options, output, end.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (end.Token.IsCancellationRequested)
        {
            await errors.WriteLineAsync("kvorum bench: stopped before it measured").ConfigureAwait(false);
            return ExitCode.NotOk;
        }
    }

    private static async Task<int> MeasureAsync(
        BenchOptions options, TextWriter output, CancellationToken cancelled)
    {
        await using var client = KvorumClient.Connect(new KvorumClientOptions
        {
            Addresses = options.Addresses,
            Keyspace = options.Keyspace,
            Timeout = options.Timeout,
            ConnectionsPerNode = options.Connections,
            Name = "kvorum-bench",
            InlineContinuations = true,
            Tls = options.Tls,
            Credential = options.Credential,
        });
        // One call first: a cluster that cannot be reached is said at once, not counted.
        await client.GetAsync(
            BenchKeys.Of(0, options.KeySize), new() { Consistency = options.Consistency }, cancelled)
                .ConfigureAwait(false);
        var run = new BenchRun(options, client);
        if (options.Fill)
        {
            var filling = Filled(run.FillAsync(cancelled));
            await Watch("filling", options.Keys, () => run.Filled, () => run.Filled, filling)
                .ConfigureAwait(false);
        }

        var total = options.Warmup + options.Duration;
        var began = Stopwatch.GetTimestamp();
        var result = await Watch(
            options.Workload, total.TotalSeconds, () => Stopwatch.GetElapsedTime(began).TotalSeconds,
            () => run.Done, run.MeasureAsync(cancelled)).ConfigureAwait(false);
        if (options.Json)
            await output.WriteLineAsync(BenchReport.Json(result)).ConfigureAwait(false);
        else
            BenchReport.Show(Screen.Of(output), result);
        return result.Operations > 0 ? ExitCode.Ok : ExitCode.NotOk;

        Task<T> Watch<T>(string title, double whole, Func<double> progress, Func<long> done, Task<T> work) =>
            options.Json
                ? work
                : BenchReport.WatchAsync(title, whole, progress, done, () => run.Failed, work);

        static async Task<bool> Filled(Task filling)
        {
            await filling.ConfigureAwait(false);
            return true;
        }
    }

    private static BenchOptions Read(ParseResult parsed) => new()
    {
        Workload = parsed.GetValue(Workload)!,
        Addresses = Cluster.Addresses(parsed),
        Keyspace = parsed.GetValue(Keyspace)!,
        KeySize = parsed.GetValue(KeySize),
        ValueSize = parsed.GetValue(ValueSize),
        Clients = parsed.GetValue(Clients),
        Connections = parsed.GetValue(Connections),
        Duration = parsed.GetValue(Duration).Span,
        Warmup = parsed.GetValue(Warmup).Span,
        Timeout = Cluster.Timeout(parsed),
        Keys = parsed.GetValue(Keys),
        Distribution = parsed.GetValue(Distribution)!,
        ReadRatio = parsed.GetValue(ReadRatio),
        Consistency = ClientFlags.Freshness(parsed, Consistency),
        Fill = parsed.GetValue(Fill),
        Timeline = parsed.GetValue(Timeline).Span,
        Json = Cluster.IsJson(parsed),
        Tls = Cluster.Tls(parsed),
        Credential = Cluster.Credential(parsed),
    };

    private static Option<double> Ratio(string name, string description, double value) => new(name)
    {
        Description = description,
        HelpName = "0..1",
        DefaultValueFactory = _ => value,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (!double.TryParse(text, CultureInfo.InvariantCulture, out var ratio))
                result.AddError($"{name} '{text}': give 0 to 1");
            return ratio;
        },
    };
}
