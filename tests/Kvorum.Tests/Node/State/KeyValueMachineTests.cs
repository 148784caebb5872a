using System.Text;
using Kvorum.Node.State;
using Kvorum.Protocol;
using Kvorum.Storage.Lsm.Trees;

namespace Kvorum.Tests.Node.State;

public sealed class KeyValueMachineTests : IDisposable
{
    private readonly TreeShare _share = new(new CrashFileSystem(), 1 << 20);
    private ulong _index;

    public void Dispose() => _share.Dispose();

    [Fact]
    public void Records_beyond_the_count_are_forgotten_and_their_requests_refused()
    {
        using var tree = Tree.Open(_share, "t", new());
        var machine = new KeyValueMachine(tree, 0, 1_000_000, 10);
        for (ulong request = 1; request <= 11; request++)
            Put(machine, "k", $"v{request}", "c", request, 100);
        Assert.Equal(ReplyStatus.SessionExpired, Put(machine, "k", "v1", "c", 1, 100).Status);
        Assert.True(Put(machine, "k", "v2", "c", 2, 100).Replayed);
        Assert.Equal(ReplyStatus.Ok, Put(machine, "k", "new", "other", 1, 100).Status);
        Assert.Equal("new", Value(machine, "k"));
    }

    [Fact]
    public void Records_older_than_the_window_are_forgotten_by_log_time()
    {
        using var tree = Tree.Open(_share, "t", new());
        var machine = new KeyValueMachine(tree, 0, 1000, 100);
        Put(machine, "k", "v", "c", 5, 10_000);
        Assert.True(Put(machine, "k", "v", "c", 5, 11_000).Replayed);
        Put(machine, "other", "v", "d", 1, 11_001);
        Assert.Equal(ReplyStatus.SessionExpired, Put(machine, "k", "v", "c", 5, 11_002).Status);
        Assert.Equal(ReplyStatus.SessionExpired, Put(machine, "k", "v", "c", 4, 11_002).Status);
        Assert.Equal(ReplyStatus.Ok, Put(machine, "k", "v", "c", 6, 11_002).Status);
    }

    [Fact]
    public void Log_time_never_falls()
    {
        using var tree = Tree.Open(_share, "t", new());
        var machine = new KeyValueMachine(tree, 0, 1000, 100);
        Put(machine, "k", "v", "", 0, 5000);
        Put(machine, "k", "v", "", 0, 4000);
        Assert.Equal(5000UL, machine.LogTimeMs);
    }

    /// <summary>
    /// A put does not look for the life that the key had before: what was to end it must pass it over.
    /// </summary>
    [Theory]
    [InlineData(0UL, null, null)] // for ever
    [InlineData(30UL, 1041UL, 1071UL)] // longer
    [InlineData(2UL, 1031UL, 1042UL)] // shorter
    public void A_life_ends_when_its_last_put_said(ulong ttl, ulong? stillThere, ulong? gone)
    {
        using var tree = Tree.Open(_share, "t", new() { CountedPrefix = RecordKeys.Data });
        var machine = new KeyValueMachine(tree, 0, 1_000_000, 100);
        Mortal(machine, "k", 20, 1020);
        Mortal(machine, "k", ttl, 1041 - (ttl == 2 ? 10UL : 0));
        Assert.Equal(1, machine.KeyCount);
        Apply(machine, CommandCodec.EncodeAdvanceTime(stillThere ?? 9000));
        Assert.Equal("v", Value(machine, "k"));
        Assert.Equal(1, machine.KeyCount);
        if (gone is not { } end)
            return;
        Apply(machine, CommandCodec.EncodeAdvanceTime(end));
        Assert.Null(machine.Get("k"u8));
        Assert.Equal(0, machine.KeyCount);
        Assert.Null(machine.NextExpiryMs);
        Apply(machine, CommandCodec.EncodeAdvanceTime(9000));
        Assert.Empty(Dump(tree));
    }

    private void Mortal(KeyValueMachine machine, string key, ulong ttlMs, ulong timeMs) => Apply(
        machine,
        CommandCodec.Encode(
            new PutRequest { Key = Encoding.UTF8.GetBytes(key), Value = "v"u8.ToArray(), TtlMs = ttlMs },
            timeMs));

    [Fact]
    public void A_condition_that_failed_is_replayed_as_failed()
    {
        using var tree = Tree.Open(_share, "t", new());
        var machine = new KeyValueMachine(tree, 0, 1000, 100);
        var request = new PutRequest { Key = "k"u8.ToArray(), Value = "v"u8.ToArray(), ClientId = "c", RequestId = 1, IfVersion = 9 };
        Assert.Equal(ReplyStatus.ConditionFailed, Apply(machine, CommandCodec.Encode(request, 1)).Status);
        var again = Apply(machine, CommandCodec.Encode(request, 1));
        Assert.Equal((ReplyStatus.ConditionFailed, true), (again.Status, again.Replayed));
    }

    /// <summary>
    /// The same entries with and without a restart from a checkpoint in between end in the same tree, byte
    /// for byte.
    /// </summary>
    [Theory]
    [InlineData(1, 50)]
    [InlineData(2, 0)]
    [InlineData(3, 1000)]
    [InlineData(4, 300)]
    public void Replicas_that_restart_stay_equal_to_those_that_do_not(int seed, int records)
    {
        var random = new Random(seed);
        var commands = Enumerable.Range(0, 1500).Select(i => RandomCommand(random, (ulong)i * 3)).ToArray();
        var options = new TreeOptions { CountedPrefix = RecordKeys.Data };
        using var steady = Tree.Open(_share, "steady", options);
        var steadyMachine = new KeyValueMachine(steady, 0, 2000, records);
        var answers = commands.Select(command => Apply(steadyMachine, command)).Select(Comparable).ToArray();

        _index = 0;
        var tree = Tree.Open(_share, "restarted", options);
        var machine = new KeyValueMachine(tree, 0, 2000, records);
        foreach (var command in commands)
        {
            Assert.Equal(answers[_index], Comparable(Apply(machine, command)));
            if (random.Next(40) != 0)
                continue;
            Checkpoint(tree, machine);
            tree.Dispose();
            tree = Tree.Open(_share, "restarted", options);
            machine = new(tree, machine.LogTimeMs, 2000, records);
        }

        Checkpoint(steady, steadyMachine);
        Checkpoint(tree, machine);
        Assert.Equal(Dump(steady), Dump(tree));
        var keys = Dump(steady).Count(line => line.StartsWith("64", StringComparison.Ordinal));
        Assert.Equal(keys, machine.KeyCount);
        tree.Dispose();
    }

    private static (ReplyStatus, bool, bool, ulong, string) Comparable(Outcome outcome) => (
        outcome.Status, outcome.Found, outcome.Replayed, outcome.Version,
        Convert.ToHexString(outcome.Value.Span));

    private static void Checkpoint(Tree tree, KeyValueMachine machine)
    {
        var job = tree.BeginCheckpoint([], machine.TakeUnflushed());
        job.Write();
        job.Complete();
    }

    private static byte[] RandomCommand(Random random, ulong time)
    {
        var key = Encoding.UTF8.GetBytes($"k{random.Next(20)}");
        var client = random.Next(3) == 0 ? "" : $"c{random.Next(3)}";
        var request = (ulong)random.Next(200);
        return random.Next(6) switch
        {
            0 => CommandCodec.EncodeAdvanceTime(time),
            1 => CommandCodec.Encode(new DeleteRequest { Key = key, ClientId = client, RequestId = request }, time),
            _ => CommandCodec.Encode(new PutRequest
            {
                Key = key,
                Value = new byte[random.Next(20)],
                ClientId = client,
                RequestId = request,
                TtlMs = random.Next(2) == 0 ? 0 : (ulong)random.Next(1, 1000),
                ReturnPrevious = random.Next(2) == 0,
            }, time),
        };
    }

    private static string[] Dump(Tree tree)
    {
        using var view = tree.OpenView();
        return [.. view.Scan(default, default).Select(pair => $"{Convert.ToHexString(pair.Key.Span)}={Convert.ToHexString(pair.Value.Span)}")];
    }

    private Outcome Put(KeyValueMachine machine, string key, string value, string client, ulong request, ulong time) =>
        Apply(machine, CommandCodec.Encode(new PutRequest
        {
            Key = Encoding.UTF8.GetBytes(key),
            Value = Encoding.UTF8.GetBytes(value),
            ClientId = client,
            RequestId = request,
        }, time));

    private Outcome Apply(KeyValueMachine machine, byte[] command) => machine.Apply(new(++_index), command);

    private static string? Value(KeyValueMachine machine, string key) =>
        machine.Get(Encoding.UTF8.GetBytes(key)) is { } record ? Encoding.UTF8.GetString(record.Value.Span) : null;
}
