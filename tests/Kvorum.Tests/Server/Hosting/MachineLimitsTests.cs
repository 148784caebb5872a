using Kvorum.Server.Hosting;
using Kvorum.Server.Machine;

namespace Kvorum.Tests.Server.Hosting;

public sealed class MachineLimitsTests : IDisposable
{
    private const long MiB = 1 << 20;
    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-test-").FullName;

    [Fact]
    public void Too_little_memory_is_refused_with_the_least_that_works()
    {
        var why = Refusal(Options, MemoryPlan.LeastBytes - 1, null);
        Assert.Equal(
            "a/memory.max allows 223 MiB of memory: a node needs 224 MiB at least; raise the limit", why);
        Assert.Equal(MemoryPlan.LeastBytes, Limits(Options, MemoryPlan.LeastBytes, null).Plan.LimitBytes);
    }

    [Fact]
    public void Memtables_by_hand_must_fit()
    {
        var greedy = Options with { MemTableBytes = 256 * MiB };
        var why = Refusal(greedy, 300 * MiB, null);
        Assert.StartsWith(
            "--memtable-bytes 268435456: a/memory.max allows 300 MiB of memory; give 53477376 at most", why,
            StringComparison.Ordinal);
        Limits(greedy with { MemTableBytes = 53477376 }, 300 * MiB, null);
        Limits(greedy, 2048 * MiB, null);
    }

    [Fact]
    public void Too_few_open_files_are_refused_with_the_least_that_works_for_the_tables_that_are_there()
    {
        var why = Refusal(Options, 1024 * MiB, 300);
        Assert.Equal(
            $"this process may open 300 files: a node with the data of {_folder} needs 501 at least; raise "
            + "the limit (ulimit -n 501, LimitNOFILE= of a service)", why);
        Assert.Equal(501, Limits(Options, 1024 * MiB, 501).Descriptors!.Value.Limit);
        Directory.CreateDirectory(Path.Combine(_folder, "trees", "00001"));
        for (var n = 0; n < 10; n++)
            File.WriteAllText(Path.Combine(_folder, "trees", "00001", $"{n:D10}.table"), "");
        Assert.Contains("needs 511 at least", Refusal(Options, 1024 * MiB, 501), StringComparison.Ordinal);
    }

    [Fact]
    public void Where_there_is_no_limit_there_is_no_plan_for_open_files() =>
        Assert.Null(Limits(Options, 1024 * MiB, null).Descriptors);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private ServerOptions Options => new() { DataFolder = _folder };

    private static MachineLimits Limits(ServerOptions options, long memory, long? files) =>
        MachineLimits.Of(options, new(memory, "a/memory.max"), files, open: 100);

    private static string Refusal(ServerOptions options, long memory, long? files) =>
        Assert.Throws<ServerStartException>(() => Limits(options, memory, files)).Message;
}
