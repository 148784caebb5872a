using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Spectre.Console;

namespace Kvorum.Cli.Demo;

/// <summary>
/// <c>kvorum demo</c>: a cluster on this machine, put through its paces before your eyes.
/// </summary>
internal static class DemoCommand
{
    public static Command Create() =>
        new("demo", "Shows what the store promises, step by step, on a cluster of its own.")
        {
            Demonstration(
                "raft", "Three servers: writes, reads, kill -9 of a leader, election, return, exactly once.",
                DemoCluster.OfThree, (cluster, steps, cancel) => new RaftDemo(cluster, steps).Run(cancel)),
            Demonstration(
                "cluster",
                "Five servers under a client, and a sixth: join, kill -9, replace, replicas that move live.",
                wish => DemoCluster.Growing(wish, 6), (cluster, steps, cancel) =>
                    new ClusterDemo(cluster, steps).Run(cancel)),
            Demonstration(
                "quorum",
                "Five servers, a strict and a sloppy quorum keyspace: kill -9, a wiped disk, a split.",
                wish => DemoCluster.Splitting(wish, 5), (cluster, steps, cancel) =>
                    new QuorumDemo(cluster, steps).Run(cancel)),
        };

    private static Command Demonstration(
        string name, string description, Func<DemoWish, DemoCluster> make,
        Func<DemoCluster, DemoSteps, CancellationToken, Task<bool>> run)
    {
        var keep = Flag.Switch(
            "--keep", "Keep the data folders and logs of the servers, and say where they are.");
        var secure = Flag.Switch(
            "--secure", "The same with TLS at every listener, certificates for all, and rights enforced.");
        var command = new Command(name, description) { secure, keep };
        command.SetAction((parsed, _) => Run(
            new(parsed.GetValue(keep), parsed.GetValue(secure)), make, run,
            parsed.InvocationConfiguration.Output));
        return command;
    }

    private static async Task<int> Run(
        DemoWish wish, Func<DemoWish, DemoCluster> make,
        Func<DemoCluster, DemoSteps, CancellationToken, Task<bool>> run, TextWriter output)
    {
        var console = Screen.Of(output, columns: 160);
        using var end = new EndSignals();
        await using var cluster = make(wish);
        try
        {
            var passed = await run(cluster, new(console), end.Token).ConfigureAwait(false);
            if (wish.Keep || !passed)
                console.MarkupLineInterpolated($"data and logs: {cluster.Folder}");
            cluster.Keep |= !passed;
            return passed ? ExitCode.Ok : ExitCode.NotOk;
        }
        catch (OperationCanceledException) when (end.Token.IsCancellationRequested)
        {
            console.MarkupLine("[yellow]stopped[/]");
            return ExitCode.NotOk;
        }
    }
}
