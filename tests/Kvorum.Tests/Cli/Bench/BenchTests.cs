using System.Text.Json;
using Kvorum.Cli.Bench;
using Kvorum.Tests.Client;

namespace Kvorum.Tests.Cli.Bench;

public class BenchTests
{
    [Fact]
    public void A_histogram_knows_values_to_a_sixty_fourth()
    {
        var random = new Random(5);
        var values = Enumerable.Range(0, 20_000)
            .Select(_ => (long)Math.Exp(random.NextDouble() * 24)).Order().ToArray();
        var histogram = new LatencyHistogram();
        foreach (var value in values)
            histogram.Record(value);
        Assert.Equal(values.Length, histogram.Count);
        Assert.Equal(values[^1], histogram.Max);
        Assert.Equal(values.Average(), histogram.Mean, 1e-6 * values.Average());
        foreach (var percent in new[] { 0.01, 1, 50, 90, 99, 99.9, 100 })
        {
            var exact = values[(int)Math.Ceiling(percent / 100 * values.Length) - 1];
            Assert.InRange(histogram.Percentile(percent), exact, exact + (exact / 64));
        }
    }

    [Fact]
    public void A_histogram_takes_any_value()
    {
        var histogram = new LatencyHistogram();
        Assert.Equal((0, 0, 0), (histogram.Percentile(50), histogram.Max, histogram.Mean));
        foreach (var value in new[] { -1, 0, 1, 127, 128, 129, LatencyHistogram.ValueMax, long.MaxValue })
            histogram.Record(value);
        Assert.Equal(8, histogram.Count);
        Assert.Equal(LatencyHistogram.ValueMax, histogram.Max);
        Assert.Equal(LatencyHistogram.ValueMax, histogram.Percentile(100));
        Assert.Equal(0, histogram.Percentile(0));
    }

    [Fact]
    public void Histograms_add_up()
    {
        var (one, two, both) = (new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram());
        for (var i = 0; i < 1000; i++)
        {
            (i % 3 == 0 ? one : two).Record(i * i);
            both.Record(i * i);
        }

        one.Add(two);
        Assert.Equal((both.Count, both.Max, both.Sum), (one.Count, one.Max, one.Sum));
        Assert.Equal(both.Percentile(90), one.Percentile(90));
    }

    [Fact]
    public void Zipf_draws_by_its_law()
    {
        const int keys = 1000, draws = 200_000;
        var picker = new KeyPicker(keys, "zipf");
        var random = new Random(11);
        var counts = new int[keys];
        for (var i = 0; i < draws; i++)
            counts[picker.Next(random)]++;
        var zeta = Enumerable.Range(1, keys).Sum(k => Math.Pow(k, -KeyPicker.Theta));
        Assert.InRange(counts[0] * zeta / draws, 0.95, 1.05);
        Assert.InRange(counts[1] * zeta * Math.Pow(2, KeyPicker.Theta) / draws, 0.9, 1.1);
        var firstTen = Enumerable.Range(1, 10).Sum(k => Math.Pow(k, -KeyPicker.Theta)) / zeta;
        Assert.InRange(counts[..10].Sum() / (firstTen * draws), 0.9, 1.1);
        Assert.True(counts[^100..].Sum() > 0, "the tail is never drawn");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(10)]
    public void Every_key_of_few_is_drawn(int keys)
    {
        foreach (var distribution in new[] { "uniform", "sequential", "zipf" })
        {
            var picker = new KeyPicker(keys, distribution);
            var random = new Random(3);
            var drawn = Enumerable.Range(0, 2000).Select(_ => picker.Next(random)).Distinct().Order();
            Assert.Equal(Enumerable.Range(0, keys).Select(key => (long)key), drawn);
        }
    }

    [Fact]
    public void Sequential_keys_follow_one_another_and_begin_anew_at_the_end()
    {
        var picker = new KeyPicker(10, "sequential", first: 7);
        Assert.Equal([7, 8, 9, 0, 1], Enumerable.Range(0, 5).Select(_ => picker.Next(new Random(1))));
    }

    [Fact]
    public void Keys_have_their_size_and_differ()
    {
        Assert.Equal("kkk42"u8.ToArray(), BenchKeys.Of(42, 5));
        Assert.Equal("0"u8.ToArray(), BenchKeys.Of(0, 1));
        Assert.Equal((1, 1, 2, 5),
            (BenchKeys.DigitsFor(1), BenchKeys.DigitsFor(10), BenchKeys.DigitsFor(11),
                BenchKeys.DigitsFor(100_000)));
    }

    [Fact]
    public void Sense_is_accepted_and_nonsense_told_with_flag_and_value()
    {
        var good = new BenchOptions();
        Assert.Empty(good.Mistakes());
        (BenchOptions Options, string Says)[] wrong =
        [
            (good with { Workload = "scan" }, "workload 'scan'"),
            (good with { Addresses = [] }, "--addr ''"),
            (good with { Addresses = ["h:1", "nowhere"] }, "--addr 'nowhere'"),
            (good with { Keyspace = "" }, "--keyspace ''"),
            (good with { KeySize = 0 }, "--key-size '0'"),
            (good with { KeySize = 4 }, "--key-size '4'"),
            (good with { ValueSize = -1 }, "--value-size '-1'"),
            (good with { Clients = 0 }, "--clients '0'"),
            (good with { Connections = 0 }, "--connections '0'"),
            (good with { Duration = TimeSpan.Zero }, "--duration '0ms'"),
            (good with { Warmup = TimeSpan.FromHours(2) }, "--warmup '2h'"),
            (good with { Keys = 0 }, "--keys '0'"),
            (good with { Keys = BenchOptions.KeysMax + 1, KeySize = 20 }, "--keys '10000000000000001'"),
            (good with { Keys = KeyPicker.ZipfKeysMax + 1, Distribution = "zipf" }, "--keys '100000001'"),
            (good with { Keys = KeyPicker.ZipfKeysMax + 1, Fill = true }, "--keys '100000001'"),
            (good with { ReadRatio = 1.5 }, "--read-ratio '1.5'"),
            (good with { Timeline = TimeSpan.FromMilliseconds(5) }, "--timeline '5ms'"),
            (good with { Timeline = TimeSpan.FromMilliseconds(50), Duration = TimeSpan.FromHours(2) },
                "--timeline '50ms'"),
            (good with { ReadRatio = double.NaN }, "--read-ratio 'NaN'"),
        ];
        foreach (var (options, says) in wrong)
            Assert.Contains(says, Assert.Single(options.Mistakes()));
    }

    [Fact]
    public async Task A_timeline_tells_what_was_done_by_the_end_of_each_step()
    {
        await using var cluster = new FakeCluster();
        await using var client = cluster.Connect();
        var run = new BenchRun(new BenchOptions
        {
            Keys = 100,
            Clients = 4,
            Warmup = TimeSpan.FromMilliseconds(100),
            Duration = TimeSpan.FromMilliseconds(400),
            Timeline = TimeSpan.FromMilliseconds(20),
        }, client);
        var result = await run.MeasureAsync(TestContext.Current.CancellationToken);
        var steps = Assert.IsType<IReadOnlyList<BenchStep>>(result.Timeline, exactMatch: false);
        Assert.True(steps.Count >= 2);
        Assert.Equal(steps.OrderBy(static step => step.UnixMs), steps);
        Assert.Equal(steps.Select(static step => step.Done).Order(), steps.Select(static step => step.Done));
        // The warm-up is in it, and what ended after the last step is not.
        Assert.InRange(steps[^1].Done, 1, run.Done);
        Assert.All(steps, static step => Assert.Equal(0, step.Failed));
        Assert.Contains("\"timeline\":[{\"unix_ms\":", BenchReport.Json(result), StringComparison.Ordinal);
        Assert.DoesNotContain("timeline", BenchReport.Json(result with { Timeline = null }));
    }

    [Theory]
    [InlineData("put", "uniform", 0)]
    [InlineData("get", "zipf", 1)]
    [InlineData("mixed", "uniform", 0.5)]
    [InlineData("mixed", "sequential", 0.5)]
    public async Task A_run_counts_what_was_done(string workload, string distribution, double reads)
    {
        await using var cluster = new FakeCluster();
        await using var client = cluster.Connect();
        var run = new BenchRun(new BenchOptions
        {
            Workload = workload,
            Distribution = distribution,
            Keys = 100,
            Clients = 8,
            Warmup = TimeSpan.Zero,
            Duration = TimeSpan.FromMilliseconds(300),
        }, client);
        await run.FillAsync(TestContext.Current.CancellationToken);
        Assert.Equal((100, 100), (run.Filled, cluster.Applied));
        var result = await run.MeasureAsync(TestContext.Current.CancellationToken);
        Assert.Equal((0, 0), (result.NotFound, result.Failed));
        Assert.True(result.Operations > 0);
        Assert.Equal(result.Operations, (result.Reads?.Count ?? 0) + (result.Writes?.Count ?? 0));
        Assert.Equal(reads > 0, result.Reads is not null);
        Assert.Equal(reads < 1, result.Writes is not null);
        Assert.InRange(result.All.P50, 0.0001, result.All.Max);
        Assert.Contains($"\"workload\":\"{workload}\"", BenchReport.Json(result));
    }

    [Fact]
    public async Task The_command_parses_runs_and_tells_by_exit_code()
    {
        await using var cluster = new FakeCluster();
        var command = BenchCommand.Create();
        Assert.Equal(0, await command.Parse(
            $"mixed --addr {cluster.Addresses} --clients 4 --keys 50 --fill --duration 200ms --warmup 0s "
            + "--json")
            .InvokeAsync(cancellationToken: TestContext.Current.CancellationToken));
        Assert.True(cluster.Applied >= 50);
        Assert.Equal(2, await command.Parse("put --clients 0")
            .InvokeAsync(cancellationToken: TestContext.Current.CancellationToken));
        Assert.Contains("--duration 'soon': give a time",
            Assert.Single(command.Parse("put --duration soon").Errors).Message);
        Assert.Contains("--clients 'many': give a whole number",
            Assert.Single(command.Parse("put --clients many").Errors).Message);
        Assert.Contains("--distribution 'normal': give uniform or sequential or zipf",
            Assert.Single(command.Parse("put --distribution normal").Errors).Message);
        Assert.Contains("--consistency 'maybe': give linearizable or lease or stale",
            Assert.Single(command.Parse("get --consistency maybe").Errors).Message);
        await cluster.DisposeAsync();
        Assert.Equal(1, await command.Parse($"get --addr {cluster.Addresses} --timeout 100ms")
            .InvokeAsync(cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_signal_ends_a_run_early_and_what_was_measured_is_reported()
    {
        await using var cluster = new FakeCluster();
        await using var bench = KvorumProcess.Start(
            "bench", "put", "--addr", cluster.Addresses, "--warmup", "0s", "--duration", "1h", "--clients",
            "2", "--json");
        await Eventually.Holds(() => cluster.Applied > 100, 30, "it loads");
        bench.Terminate();
        Assert.Equal(0, await bench.Exit());
        using var said = JsonDocument.Parse(bench.Output);
        Assert.InRange(said.RootElement.GetProperty("operations").GetInt64(), 1, cluster.Applied);
    }
}
