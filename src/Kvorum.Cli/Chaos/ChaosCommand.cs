using System.CommandLine;
using System.Globalization;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;

namespace Kvorum.Cli.Chaos;

/// <summary>
/// <c>kvorum chaos</c>: real processes, killed, paused and cut off from each other under load, and proof
/// that clients saw nothing wrong. Exit code 0 when all promises held and every fault hit, 1 when not, 2
/// when it was asked wrongly.
/// </summary>
internal static class ChaosCommand
{
    private static readonly ChaosOptions Defaults = new();

    private static readonly Option<Duration> Duration = Flag.Time(
        "--duration", "How long to load the cluster and do faults", Defaults.Duration);

    private static readonly Option<int> Clients = Flag.Number(
        "--clients", "Clients, each with one operation under way", Defaults.Clients);

    private static readonly Option<int> Keys = Flag.Number(
        "--keys", "Number of keys; one in three is a counter", Defaults.Keys);

    private static readonly Option<int> Nodes = Flag.Number(
        "--nodes", "Nodes of the cluster", Defaults.Nodes);

    private static readonly Option<int> Seed = Flag.Number(
        "--seed", "Decides which faults come when; the rest is the machine's", Defaults.Seed);

    private static readonly Option<string[]> Faults = Flag.List(
        "--faults", "names", "Kinds of faults, comma-separated: kill, pause, split", Defaults.Faults);

    private static readonly Option<int> Overlap = Flag.Number(
        "--overlap", "Of 100 faults, how many come with another one at the same time", Defaults.Overlap);

    private static readonly Option<bool> LeaseReads = Flag.Switch(
        "--lease-reads", "Start the nodes with --lease-reads, and ask for every second read by lease");

    private static readonly Option<bool> Secure = Flag.Switch(
        "--secure", "TLS at every listener, certificates for all, and rights enforced");

    private static readonly Option<bool> Keep = Flag.Switch(
        "--keep", "Keep the nodes' data and logs; after a failure they are kept anyway");

    private static readonly Option<bool> Json = Flag.Switch("--json", "Print the result as one line of JSON");

    /// <summary>The command, to be added to the root.</summary>
    public static Command Create()
    {
        var command = new Command(
            "chaos", "Kills, pauses and splits a cluster of its own under load, and checks what clients saw.")
        {
            Duration, Clients, Keys, Nodes, Seed, Faults, Overlap, LeaseReads, Secure, Keep, Json,
        };
        command.SetAction(static (parsed, _) => Run(
            Read(parsed), parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error));
        return command;
    }

    private static async Task<int> Run(ChaosOptions options, TextWriter output, TextWriter errors)
    {
        var mistakes = options.Mistakes().ToArray();
        foreach (var mistake in mistakes)
            await errors.WriteLineAsync($"kvorum chaos: {mistake}").ConfigureAwait(false);
        if (mistakes.Length > 0)
            return ExitCode.Usage;

        using var end = new EndSignals();
        string[] flags = options.LeaseReads ? ["--lease-reads"] : [];
        await using var cluster = new ChaosCluster(options.Nodes, options.IsSecure, flags)
        {
            Keep = options.Keep,
        };
        var run = new ChaosRun(options, options.Json ? static _ => { } : Tell);
        try
        {
            var report = await run.Run(cluster, end.Token).ConfigureAwait(false);
            cluster.Keep |= !report.Passed;
            report = cluster.Keep ? report with { Folder = cluster.Folder } : report;
            Show(report, options, output);
            return report.Passed ? ExitCode.Ok : ExitCode.NotOk;
        }
        catch (OperationCanceledException) when (end.Token.IsCancellationRequested)
        {
            await errors.WriteLineAsync("kvorum chaos: stopped").ConfigureAwait(false);
            return ExitCode.NotOk;
        }

        void Tell(string line)
        {
            lock (output)
            {
                output.WriteLine(line);
                output.Flush();
            }
        }
    }

    private static void Show(ChaosReport report, ChaosOptions options, TextWriter output)
    {
        if (options.Json)
        {
            output.WriteLine(report.Json());
            return;
        }

        foreach (var problem in report.Problems)
            output.WriteLine($"\n{problem}");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{(report.Passed ? "PASS" : "FAIL")} in {report.Seconds:0.0} s, seed {report.Seed}: "
            + $"operations {Counts(report.Operations)}; faults {Counts(report.Faults)}, "
            + $"{report.Overlaps} times two at once; "
            + $"checked in {report.CheckSeconds:0.0} s"));
        if (report.Folder.Length > 0)
            output.WriteLine($"data and logs: {report.Folder}");
    }

    private static string Counts(SortedDictionary<string, int> counts) =>
        string.Join(", ", counts.Select(count => $"{count.Value} {count.Key}"));

    private static ChaosOptions Read(ParseResult parsed) => new()
    {
        Duration = parsed.GetValue(Duration).Span,
        Clients = parsed.GetValue(Clients),
        Keys = parsed.GetValue(Keys),
        Nodes = parsed.GetValue(Nodes),
        Seed = parsed.GetValue(Seed),
        Faults = parsed.GetValue(Faults)!,
        Overlap = parsed.GetValue(Overlap),
        LeaseReads = parsed.GetValue(LeaseReads),
        IsSecure = parsed.GetValue(Secure),
        Keep = parsed.GetValue(Keep),
        Json = parsed.GetValue(Json),
    };
}
