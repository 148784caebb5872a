using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace Kvorum.Cli.Bench;

/// <summary>Shows a run while it lasts, and what it has found.</summary>
internal static class BenchReport
{
    /// <summary>
    /// Shows the progress of <paramref name="work"/>, of which <paramref name="total"/> will be done.
    /// </summary>
    public static async Task<T> WatchAsync<T>(
        string title, double total, Func<double> progress, Func<long> done, Func<long> failed, Task<T> work)
    {
        if (!AnsiConsole.Profile.Capabilities.Interactive || Console.IsOutputRedirected)
            return await work.ConfigureAwait(false);
        await AnsiConsole.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn())
            .StartAsync(async display =>
            {
                var task = display.AddTask(title, maxValue: total);
                var (before, since) = (done(), Stopwatch.GetTimestamp());
                while (!work.IsCompleted)
                {
                    await Task.WhenAny(work, Task.Delay(500)).ConfigureAwait(false);
                    var (now, at) = (done(), Stopwatch.GetTimestamp());
                    var rate = (now - before) / Stopwatch.GetElapsedTime(since, at).TotalSeconds;
                    (before, since) = (now, at);
                    task.Value = Math.Min(total, progress());
                    var errors = failed() is > 0 and var count ? $" [red]{Number(count)} failed[/]" : "";
                    task.Description = $"{title} [green]{Number(rate)}[/] op/s{errors}";
                }
            }).ConfigureAwait(false);
        return await work.ConfigureAwait(false);
    }

    /// <summary>One line of JSON.</summary>
    public static string Json(BenchResult result) =>
        JsonSerializer.Serialize(result, BenchJson.Default.BenchResult);

    /// <summary>Tables for people.</summary>
    public static void Show(IAnsiConsole console, BenchResult result)
    {
        console.MarkupLineInterpolated(CultureInfo.InvariantCulture,
            $"[bold]{result.Workload}[/] {result.Clients} clients, {result.ValueSize}-byte values");
        console.MarkupLineInterpolated(CultureInfo.InvariantCulture,
            $"{Number(result.Keys)} keys {result.Distribution}, {result.Seconds:0.0} s");
        console.MarkupLineInterpolated(CultureInfo.InvariantCulture,
            $"[bold green]{Number(result.Throughput)}[/] operations/s, {Number(result.Operations)} in all");
        console.MarkupLineInterpolated(CultureInfo.InvariantCulture,
            $"{result.ClientCpuMicrosecondsPerOperation:0.0} us of CPU per operation on this side");
        var table = new Table().RoundedBorder().AddColumn("ms");
        foreach (var column in (string[])["count", "mean", "p50", "p90", "p99", "p99.9", "max"])
            table.AddColumn(new TableColumn(column).RightAligned());
        AddRow(table, "all", result.All);
        if (result is { Reads: { } reads, Writes: { } writes })
        {
            AddRow(table, "reads", reads);
            AddRow(table, "writes", writes);
        }

        console.Write(table);
        if (result.NotFound > 0)
            console.MarkupLineInterpolated(CultureInfo.InvariantCulture,
                $"{result.NotFound} reads found no key (--fill writes all keys first)");
        foreach (var (status, count) in result.Errors)
            console.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"[red]{count} failed: {status}[/]");
    }

    private static void AddRow(Table table, string name, BenchLatency latency) => table.AddRow(
    [
        name, Number(latency.Count), Ms(latency.Mean), Ms(latency.P50), Ms(latency.P90), Ms(latency.P99),
        Ms(latency.P999), Ms(latency.Max),
    ]);

    private static string Number(double number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Ms(double ms) => ms.ToString("0.000", CultureInfo.InvariantCulture);
}
