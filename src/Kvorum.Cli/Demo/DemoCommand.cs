using System.CommandLine;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Spectre.Console;

namespace Kvorum.Cli.Demo;

/// <summary>
/// <c>kvorum demo raft</c>: a cluster of three on this machine, put through its paces before your eyes.
/// </summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        var keep = Flag.Switch(
            "--keep", "Keep the data folders and logs of the three servers, and say where they are.");
        var raft = new Command(
            "raft", "Three servers: writes, reads, kill -9 of a leader, election, return, exactly once.")
        {
            keep,
        };
        raft.SetAction((parsed, _) => Run(parsed.GetValue(keep), parsed.InvocationConfiguration.Output));
        return new Command(
            "demo", "Shows what the store promises, step by step, on a cluster of its own.") { raft };
    }

    private static async Task<int> Run(bool keep, TextWriter output)
    {
        var console = Screen.Of(output, columns: 160);
        using var end = new EndSignals();
        await using var cluster = new DemoCluster(keep);
        var script = new RaftDemo(cluster, console);
        try
        {
            var passed = await script.Run(end.Token).ConfigureAwait(false);
            if (keep || !passed)
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
