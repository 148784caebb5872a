using System.CommandLine;
using System.Globalization;
using Kvorum.Cli.CommandLine;
using Kvorum.Cli.Commands;
using Kvorum.Client;
using Kvorum.Node;
using Kvorum.Node.Administration;
using Kvorum.Protocol;
using Spectre.Console;

namespace Kvorum.Cli.Administration;

/// <summary><c>kvorum status</c>: the cluster as one of its nodes sees it.</summary>
internal static class StatusCommand
{
    /// <summary>The keyspace of the metadata group.</summary>
    private const string System = KeyspaceName.System;

    public static Command Create()
    {
        var flags = new ClientFlags();
        var command = new Command(
            "status", "Shows who is up, who leads what, lag, and why the cluster is not ready.");
        flags.AddTo(command);
        command.SetAction((parsed, cancel) => ClientCall.Run(parsed, flags, async output =>
        {
            await using var client = flags.Connect(parsed);
            var (report, json) =
                await StatusCall.Ask(client, flags.Addresses(parsed)[0], cancel).ConfigureAwait(false);
            if (flags.IsJson(parsed))
                await output.WriteLineAsync(json).ConfigureAwait(false);
            else
            {
                Show(output, report, await Others(client, report, cancel).ConfigureAwait(false));
                await ShowMoves(output, client, cancel).ConfigureAwait(false);
            }

            return report.IsReady ? ExitCode.Ok : ExitCode.NotOk;
        }));
        return command;
    }

    /// <summary>What the other members say of themselves; those that do not answer are left out.</summary>
    private static async Task<Dictionary<string, NodeStatus>> Others(
        KvorumClient client, NodeStatus asked, CancellationToken cancel)
    {
        Dictionary<string, NodeStatus> reports = new(StringComparer.Ordinal) { [asked.Name] = asked };
        var map = await client.MapAsync(cancel).ConfigureAwait(false);
        var up = map.Members.Where(
            member => member.ClientAddress.Length > 0 && asked.MembersUp.Contains(member.Name));
        foreach (var member in up)
        {
            try
            {
                if (!reports.ContainsKey(member.Name))
                    (reports[member.Name], _) =
                        await StatusCall.Ask(client, member.ClientAddress, cancel).ConfigureAwait(false);
            }
            catch (Exception e) when (e is KvorumException or IOException)
            {
            }
        }

        return reports;
    }

    private static void Show(TextWriter output, NodeStatus asked, Dictionary<string, NodeStatus> reports)
    {
        var console = Screen.Of(output);
        var table = new Table().RoundedBorder()
            .AddColumns("member", "state", "leads", "metadata", "keys, about", "lag");
        foreach (var name in asked.Members)
        {
            reports.TryGetValue(name, out var report);
            table.AddRow(
                new Text(name), new Markup(State(asked, name)),
                new Text(Number(report?.Partitions.Count(
                    static replica => replica is { Keyspace: not System, Role: "leader" }))),
                new Text(report?.Partitions.FirstOrDefault(
                    static replica => replica.Keyspace == System)?.Role ?? "?"),
                new Text(Number(report?.Partitions.Where(static replica => replica.Keyspace != System)
                    .Sum(static replica => replica.Keys))),
                new Text(Lag(name, reports.Values)));
        }

        console.Write(table);
        var up = $"{asked.MembersUp.Count} of {asked.Members.Count} members up";
        var whole = asked.MembersUp.Count == asked.Members.Count ? ""
            : $" now, {asked.FailuresTolerated} when all are up";
        console.WriteLine(
            $"{AdminTables.NameOf(asked.ClusterId)}, {up}, "
            + $"tolerates {asked.FailuresToleratedNow} failure(s){whole}");
        console.MarkupLine(
            asked.IsReady ? "[green]ready[/]" : $"[red]not ready:[/] {asked.NotReadyReason.EscapeMarkup()}");
        console.WriteLine($"format version {asked.FormatVersion}{Behind(asked, reports)}");
        foreach (var report in reports.Values.OrderBy(static one => one.Name, StringComparer.Ordinal))
        {
            ShowQuorum(console, report);
            if (report.Encryption is { } encryption)
                console.WriteLine($"{report.Name}: {Describe(encryption)}");
        }

        if (asked.Machine is { } machine)
            console.WriteLine(Describe(asked.Name, machine));
        foreach (var issue in asked.HealthIssues.Where(issue => !asked.NotReadyReason.Contains(issue)))
            console.MarkupLine($"[red]alert:[/] {issue.EscapeMarkup()}");
    }

    /// <summary>Why the format version is not the newest that the asked node speaks.</summary>
    private static string Behind(NodeStatus asked, Dictionary<string, NodeStatus> reports)
    {
        if (asked.FormatVersion >= asked.FormatNewest)
            return "";
        string[] waits =
        [
            .. asked.Members.Where(name => !reports.TryGetValue(name, out var report)
                || report.FormatNewest < asked.FormatNewest),
        ];
        return waits.Length == 0 ? $"; {asked.FormatNewest} begins when the metadata group has agreed on it"
            : $"; {asked.FormatNewest} begins when these are up with a kvorum that speaks it: "
                + string.Join(", ", waits);
    }

    /// <summary>What a node keeps for quorum keyspaces, in a line; nothing where there are none.</summary>
    private static void ShowQuorum(IAnsiConsole console, NodeStatus report)
    {
        if (report.Quorum is not { } quorum)
            return;
        QuorumReplicaStatus[] replicas =
            [.. report.Partitions.Select(static one => one.Quorum).OfType<QuorumReplicaStatus>()];
        var longest = replicas.Max(static one => one.ComparedMs);
        var compared = longest is { } ms
            ? $", compared in the last {(ms / 1000.0).ToString("0", CultureInfo.InvariantCulture)} s" : "";
        var waiting = report.Partitions.Count(static one => one.Quorum is not null && one.Role != "replica");
        var kept = replicas.Sum(static one => one.Tombstones) ?? 0;
        var bytes = replicas.Sum(static one => one.TombstoneBytes) ?? 0;
        console.WriteLine(
            $"{report.Name}: {replicas.Length} quorum replicas ({waiting} blank or damaged){compared}, "
            + $"{replicas.Sum(static one => one.RecordsTaken)} records repaired, "
            + $"{replicas.Sum(static one => one.RecordsGiven)} given to others of "
            + $"{AdminTables.Size(replicas.Sum(static one => one.RecordBytesGiven))}, "
            + $"{AdminTables.Size(replicas.Sum(static one => one.CompareBytesSent))} sent to compare; "
            + $"{quorum.Hints} hints of "
            + $"{AdminTables.Size(quorum.HintBytes)}, {quorum.HintsDropped} dropped; "
            + $"{quorum.TimestampsRefused} timestamps refused"
            + (kept == 0 ? "" : $"; {kept} tombstones of {AdminTables.Size(bytes)} held back"));
    }

    /// <summary>What is under way and what is in the way; nothing if no leader tells.</summary>
    private static async Task ShowMoves(TextWriter output, KvorumClient client, CancellationToken cancel)
    {
        try
        {
            var (reply, _) = await AdminCall.Ask(client, new ShowCluster(), cancel).ConfigureAwait(false);
            if (reply.Cluster is { } report)
                AdminTables.MovesAsLines(Screen.Of(output), report);
        }
        catch (Exception e) when (e is KvorumException or IOException or FormatException)
        {
            // The status of a node is told whether or not the cluster's is known.
        }
    }

    private static string State(NodeStatus asked, string name)
    {
        if (asked.MembersUp.Contains(name))
            return "[green]up[/]";
        if (asked.MembersAway.FirstOrDefault(member => member.Name == name) is not { } away)
            return "[red]down[/]";
        var color = away.State == "suspect" ? "yellow" : "red";
        var since = (away.ForMs / 1000.0).ToString("0.0", CultureInfo.InvariantCulture);
        return $"[{color}]{away.State}[/] for {since} s: {away.Reason.EscapeMarkup()}";
    }

    /// <summary>The most entries that the member is behind in any partition, as the leaders see it.</summary>
    private static string Lag(string name, IEnumerable<NodeStatus> reports)
    {
        ulong[] lags =
        [
            .. reports.SelectMany(report => report.Partitions)
                .Where(replica => replica.FollowerLag.ContainsKey(name))
                .Select(replica => replica.FollowerLag[name]),
        ];
        return lags.Length == 0 ? "-" : lags.Max().ToString(CultureInfo.InvariantCulture);
    }

    private static string Describe(EncryptionStatus status)
    {
        var state = status.State == "on" ? $"encrypted with data key {status.DataKey}" : "encryption off";
        return status.IsComplete
            ? $"{state}: all {status.Tables} tables and {status.Segments} segments of the log"
            : $"{state}: {status.TablesWaiting} of {status.Tables} tables "
                + $"({AdminTables.Size(status.BytesWaiting)}) and {status.SegmentsWaiting} of "
                + $"{status.Segments} segments of the log are still to be written anew";
    }

    private static string Describe(string name, MachineStatus machine)
    {
        var files = machine.OpenFilesMax == 0 ? $"{machine.OpenFiles} open files"
            : $"{machine.OpenFiles} of {machine.OpenFilesMax} open files, "
                + $"connections below {machine.ConnectionsBelow}, {machine.ConnectionsRefused} refused";
        return $"{name}: {files}; {machine.MemoryBytes >> 20} of {machine.MemoryBytesMax >> 20} MiB memory "
            + $"({machine.MemoryLimitedBy})";
    }

    private static string Number(long? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "?";
}
