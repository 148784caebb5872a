using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Kvorum.Client;
using Kvorum.Node;
using Spectre.Console;

namespace Kvorum.Cli.Demo;

/// <summary>The steps of a demonstration, each shown as PASS or FAIL with what was seen.</summary>
internal sealed class DemoSteps(IAnsiConsole console)
{
    /// <summary>How long a step waits for what it wants to see, unless it says otherwise.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Stopwatch _time = Stopwatch.StartNew();

    /// <summary>Steps that failed.</summary>
    public int Failed { get; private set; }

    public void Title(string text) => console.MarkupLineInterpolated($"[bold]{text}[/]");

    /// <summary>Says what is seen while a step goes on.</summary>
    public void Say(string text) => console.MarkupLineInterpolated($"     [grey]{text}[/]");

    /// <summary>Runs a step, and shows what it has seen.</summary>
    public async Task Step(
        string what, Func<CancellationToken, Task<string>> step, CancellationToken cancel)
    {
        var time = Stopwatch.StartNew();
        string mark = "[green]PASS[/]", seen;
        try
        {
            seen = await step(cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancel.IsCancellationRequested)
        {
            Failed++;
            (mark, seen) = ("[red]FAIL[/]", e.Message);
        }

        var seconds = Seconds(time.Elapsed, "0.00");
        console.MarkupLine($"{mark} {what.EscapeMarkup()} [grey]({seconds} s: {seen.EscapeMarkup()})[/]");
    }

    /// <summary>Shows how it ended: true if no step failed.</summary>
    /// <param name="figures">What was counted, if anything.</param>
    public bool Verdict(string figures = "")
    {
        var verdict = Failed == 0 ? "[green bold]PASS[/]" : $"[red bold]FAIL: {Failed} step(s)[/]";
        var colon = figures.Length == 0 ? "" : ": ";
        console.MarkupLine(
            $"{verdict} in {Seconds(_time.Elapsed, "0.0")} s{colon}{figures.EscapeMarkup()}");
        return Failed == 0;
    }

    /// <summary>Waits until a server can serve.</summary>
    public static Task Ready(DemoServer one, CancellationToken cancel)
    {
        var reason = "";
        return Until($"{one.Name} is ready", async () =>
        {
            one.CheckRunning();
            var status = await Report(one, cancel).ConfigureAwait(false);
            reason = status.NotReadyReason;
            return status.IsReady;
        }, cancel, () => reason);
    }

    /// <summary>What a server says of itself.</summary>
    public static async Task<NodeStatus> Report(DemoServer server, CancellationToken cancel)
    {
        await using var client = Connect(server);
        return (await StatusCall.Ask(client, server.Address, cancel).ConfigureAwait(false)).Status;
    }

    /// <summary>A client that is given one server only.</summary>
    public static KvorumClient Connect(DemoServer server) =>
        KvorumClient.Connect(new()
        {
            Addresses = [server.Address],
            Name = "kvorum-demo",
            Tls = server.Security?.Tls,
        });

    /// <summary>Where there is TLS: rights are enforced from now on.</summary>
    public async Task Enforce(DemoCluster cluster, CancellationToken cancel)
    {
        if (cluster.Security is { } security && Failed == 0)
        {
            await Step(
                "rights are enforced: nobody reads who is no user, or speaks without TLS",
                stop => security.Enforce(cluster.Servers[0], stop), cancel).ConfigureAwait(false);
        }
    }

    /// <summary>Waits for something, and takes failures that pass for a "not yet".</summary>
    public static Task Until(
        string what, Func<Task<bool>> holds, CancellationToken cancel, Func<string>? why = null) =>
        Until(what, Patience, holds, cancel, why);

    /// <summary>As the other, with a patience of its own.</summary>
    public static async Task Until(
        string what, TimeSpan patience, Func<Task<bool>> holds, CancellationToken cancel,
        Func<string>? why = null)
    {
        var time = Stopwatch.StartNew();
        var last = "";
        while (true)
        {
            try
            {
                if (await holds().ConfigureAwait(false))
                    return;
            }
            catch (Exception e) when (IsPassing(e, cancel))
            {
                last = e.Message;
            }

            if (time.Elapsed > patience)
                throw new TimeoutException(
                    $"not within {patience.TotalSeconds} s: {what}. {why?.Invoke()} {last}".TrimEnd());
            await Task.Delay(20, cancel).ConfigureAwait(false);
        }
    }

    private static bool IsPassing(Exception e, CancellationToken cancel) =>
        e is KvorumException or CommandException or IOException or SocketException
        || (e is OperationCanceledException && !cancel.IsCancellationRequested);

    private static string Seconds(TimeSpan time, string format) =>
        time.TotalSeconds.ToString(format, CultureInfo.InvariantCulture);
}
