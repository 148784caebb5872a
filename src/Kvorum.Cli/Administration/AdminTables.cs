using System.Globalization;
using Kvorum.Node.Administration;
using Spectre.Console;

namespace Kvorum.Cli.Administration;

/// <summary>What operators read of the cluster, as tables and lines.</summary>
internal static class AdminTables
{
    /// <summary>The cluster by its id; a node that waits to join has none yet.</summary>
    public static string NameOf(Guid cluster) =>
        cluster == Guid.Empty ? "no cluster yet" : $"cluster {cluster}";

    /// <summary>All of it.</summary>
    public static void Cluster(IAnsiConsole console, ClusterReport report)
    {
        console.WriteLine(
            $"{NameOf(report.ClusterId)}, epoch {report.Epoch}, version {report.Version}, "
            + $"format version {report.FormatVersion}, told by {report.ToldBy}");
        Members(console, report);
        Keyspaces(console, report);
        Moves(console, report);
        Obstacles(console, report);
        if (report.Limits is { } limits)
            console.WriteLine($"limits: {Line(limits)}");
    }

    /// <summary>The members.</summary>
    public static void Members(IAnsiConsole console, ClusterReport report)
    {
        var table = new Table().RoundedBorder()
            .AddColumns(
                "member", "status", "state", "zone", "weight", "replicas", "leads", "room", "formats",
                "address");
        foreach (var member in report.Members)
        {
            table.AddRow(
                new Text(member.Name), new Markup(Status(member)), new Markup(State(member)),
                new Text(member.Zone), new Text(Number(member.Weight)), new Text(Number(member.Replicas)),
                new Text(Number(member.Leaders)),
                new Text(member.RoomBytes is { } room ? Size(room) : "?"),
                new Text(member is { FormatLowest: { } lowest, FormatNewest: { } newest }
                    ? Formats(lowest, newest) : "?"),
                new Text(member.ClientAddress));
        }

        console.Write(table);
        TellIfAlone(console, report);
    }

    /// <summary>The keyspaces.</summary>
    public static void Keyspaces(IAnsiConsole console, ClusterReport report)
    {
        var table = new Table().RoundedBorder()
            .AddColumns("keyspace", "mode", "partitions", "replicas", "W", "R", "at their place");
        foreach (var keyspace in report.Keyspaces)
        {
            table.AddRow(
                new Text(keyspace.Name),
                new Text(keyspace.Mode + (keyspace.Sloppy == true ? ", sloppy" : "")
                    + (keyspace.ClientTimestamps == true ? ", client timestamps" : "")),
                new Text(Number(keyspace.Partitions)), new Text(Number(keyspace.ReplicationFactor)),
                new Text(keyspace.WriteQuorum is null ? "-" : Number(keyspace.WriteQuorum)),
                new Text(keyspace.ReadQuorum is null ? "-" : Number(keyspace.ReadQuorum)),
                new Text(Number(keyspace.AtTarget)));
        }

        console.Write(table);
    }

    /// <summary>The partitions.</summary>
    public static void Partitions(IAnsiConsole console, AdminReply reply)
    {
        var table = new Table().RoundedBorder()
            .AddColumns("keyspace", "partition", "leader", "voters", "learners", "at its place", "bytes");
        foreach (var partition in reply.Partitions!)
        {
            table.AddRow(
                new Text(partition.Keyspace), new Text($"{partition.Partition}"),
                new Text(LeaderIn(partition.Mode, partition.Leader)),
                new Text(string.Join(", ", partition.Voters)),
                new Text(string.Join(", ", partition.Learners)),
                new Text(partition.AtTarget switch { true => "yes", false => "no", null => "?" }),
                new Text(partition.Bytes is { } bytes ? Size(bytes) : "?"));
        }

        console.Write(table);
        if (reply.Message.Length > 0)
            console.MarkupLine($"[red]as one node knows it:[/] {reply.Message.EscapeMarkup()}");
    }

    /// <summary>Where a key is, as key=value lines.</summary>
    public static void Location(TextWriter output, KeyLocation location) => output.WriteLine(
        $"keyspace={location.Keyspace} slot={location.Slot} partition={location.Partition} "
        + $"leader={LeaderIn(location.Mode, location.Leader)} address={location.LeaderAddress} "
        + $"replicas={string.Join(',', location.Replicas)}");

    /// <summary>The limits, as name=value lines.</summary>
    public static void Limits(TextWriter output, ClusterReport report) => output.WriteLine(
        report.Limits is { } limits ? Line(limits) : $"the limits are not known: {report.Reason}");

    /// <summary>The format versions that a node speaks.</summary>
    public static string Formats(int lowest, int newest) =>
        lowest == newest ? $"{newest}" : $"{lowest}-{newest}";

    /// <summary>Bytes for people.</summary>
    public static string Size(long bytes)
    {
        // Where nothing bounds it.
        if (bytes == long.MaxValue)
            return "any";
        var (unit, name) = bytes >= 1L << 30 ? (1L << 30, "GiB") : (1L << 20, "MiB");
        return string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)unit:0.0} {name}");
    }

    /// <summary>A line for each move under way, and for each obstacle.</summary>
    public static void MovesAsLines(IAnsiConsole console, ClusterReport report)
    {
        foreach (var move in report.Moves)
        {
            console.WriteLine(
                $"moving: {move.Keyspace}/{move.Partition} to {Names(move.Adds)}, "
                + $"from {Names(move.Removes)}, for {Seconds(move.ForMs)}, "
                + $"last progress {Seconds(move.SinceProgressMs)} ago");
        }

        TellOthers(console, report);
        Obstacles(console, report);
    }

    private static void Obstacles(IAnsiConsole console, ClusterReport report)
    {
        foreach (var obstacle in report.Obstacles)
            console.MarkupLine($"[red]in the way of {obstacle.Wanted}:[/] {obstacle.Text.EscapeMarkup()}");
    }

    private static void TellOthers(IAnsiConsole console, ClusterReport report)
    {
        if (report.MovesUnderWay > report.Moves.Count)
            console.WriteLine($"and {report.MovesUnderWay - report.Moves.Count} more moves");
    }

    private static string Names(IReadOnlyList<string> names) =>
        names.Count == 0 ? "none" : string.Join(", ", names);

    private static void Moves(IAnsiConsole console, ClusterReport report)
    {
        if (report.Moves.Count == 0)
            return;
        var table = new Table().RoundedBorder()
            .AddColumns("on its way", "to", "from", "for", "last progress", "bytes");
        foreach (var move in report.Moves)
        {
            table.AddRow(
                new Text($"{move.Keyspace}/{move.Partition}"), new Text(string.Join(", ", move.Adds)),
                new Text(string.Join(", ", move.Removes)), new Text(Seconds(move.ForMs)),
                new Text($"{Seconds(move.SinceProgressMs)} ago"), new Text(Size(move.Bytes)));
        }

        console.Write(table);
        TellOthers(console, report);
    }

    private static void TellIfAlone(IAnsiConsole console, ClusterReport report)
    {
        if (report.Leader.Length == 0)
        {
            console.MarkupLine(
                $"[red]no leader of the metadata group:[/] {report.Reason.EscapeMarkup()}. This is what "
                + $"{report.ToldBy.EscapeMarkup()} knows itself");
        }
    }

    // A partition of a quorum keyspace has no leader; of another one it may not be known.
    private static string LeaderIn(string mode, string leader) =>
        leader.Length > 0 ? leader : mode == "quorum" ? "none" : "?";

    private static string Status(MemberReport member) =>
        member.Status == "active" ? member.Status : $"[yellow]{member.Status.EscapeMarkup()}[/]";

    private static string State(MemberReport member) => member.State switch
    {
        "up" => member.Reason.Length == 0
            ? "[green]up[/]" : $"[green]up[/]: [red]{member.Reason.EscapeMarkup()}[/]",
        var state => $"[red]{state.EscapeMarkup()}[/] for {Seconds(member.ForMs ?? 0)}: "
            + member.Reason.EscapeMarkup(),
    };

    private static string Line(MoveLimits limits) => string.Create(
        CultureInfo.InvariantCulture,
        $"paused={(limits.Paused ? "true" : "false")} max_moves={limits.MovesMax} "
            + $"batch_size={limits.BatchSize} batch_timeout={Seconds(limits.BatchTimeoutMs)} "
            + $"retries={limits.RetryAttempts} "
            + $"grace={Seconds(limits.GraceMs)} margin={limits.MarginPercent}%");

    private static string Seconds(long ms) =>
        string.Create(CultureInfo.InvariantCulture, $"{ms / 1000.0:0.0}s");

    private static string Number(int? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "?";
}
