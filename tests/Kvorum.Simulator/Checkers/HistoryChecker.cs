using Kvorum.Protocol;
using Kvorum.Simulator.Workloads;
using Kvorum.Simulator.World;
using Kvorum.Verification;

namespace Kvorum.Simulator.Checkers;

// Theorems over what clients saw: linearizability, exactly once and durability are stated in the files of
// Kvorum.Verification. Two more are stated here:
//   counters      a counter ends at the number of its acknowledged increments, plus at most those whose
//                 outcome is unknown;
//   stale reads   a stale read shows a value that was written, under the version that its write was given.

/// <summary>What clients were told is what a store that keeps its promises would have told them.</summary>
internal sealed class HistoryChecker(SimulatedWorld world, Notebook notes)
{
    private const int ReaderClient = 2000;
    private readonly RandomStream _random = world.Random("final reads");
    private int _finalReadsFrom;

    /// <summary>One read of every key that any client has named.</summary>
    public IReadOnlyList<Asked> FinalReads()
    {
        _finalReadsFrom = notes.History.Operations.Count;
        return [.. notes.History.ByKey().Select((key, number) => FinalRead(ReaderClient + number, key.Key))];
    }

    private Asked FinalRead(int client, string name)
    {
        var (keyspace, key) = KeyspaceKey.Read(name);
        return KeyspaceWorkload.In(
            keyspace, RegisterWorkload.Read(client, key, ReadConsistency.Linearizable, _random));
    }

    /// <summary>Compares what the final reads saw with what was acknowledged.</summary>
    public void CheckFinalReads()
    {
        if (world.Failure is not null)
            return;
        var reads = notes.History.Operations.Skip(_finalReadsFrom)
            .Where(operation => operation.Invocation.Kind == OperationKind.Get)
            .Select(operation => new FinalRead(
            operation.Invocation.Key, operation.Outcome.Value, operation.Outcome.Version)).ToArray();
        Report(DurabilityChecker.Check(notes.History, reads));
        foreach (var read in reads.Where(
            read => KeyspaceKey.Read(read.Key).Key.StartsWith("counter", StringComparison.Ordinal)))
            CheckCounter(read);
    }

    /// <summary>Checks the whole notes.History.</summary>
    public void CheckAll()
    {
        var result = LinearizabilityChecker.Check(notes.History);
        Report(result.Violations);
        if (result.Undecided.Count > 0)
            world.Fail($"linearizability: not decided for {string.Join(", ", result.Undecided)}");
        Report(ExactlyOnceChecker.Check(notes.History));
        CheckStaleReads();
    }

    private void Report(IReadOnlyList<Violation> violations)
    {
        if (violations.Count > 0)
            world.Fail(violations[0].ToString());
    }

    private void CheckCounter(FinalRead read)
    {
        var increments = notes.History.Operations
            .Where(operation => operation.Invocation.Key == read.Key)
            .Where(operation => operation.Invocation.Kind == OperationKind.Put)
            .ToArray();
        var acknowledged = increments.Count(operation => operation.Outcome.Kind == OutcomeKind.Ok);
        var unknown = increments.Count(operation => operation.Outcome.Kind == OutcomeKind.Unknown);
        var value = read.Value is null ? 0 : int.Parse(read.Value, null);
        if (value >= acknowledged && value <= acknowledged + unknown)
            return;
        world.Fail(
            $"counters: {read.Key} ends at {value}, with {acknowledged} increments acknowledged "
            + $"and {unknown} unknown");
    }

    private void CheckStaleReads()
    {
        var written = new Dictionary<(string Key, string Value), ulong?>();
        foreach (var operation in notes.History.Operations)
        {
            var (asked, outcome) = (operation.Invocation, operation.Outcome);
            if (asked is { Kind: OperationKind.Put, Value: { } value } && outcome.Kind != OutcomeKind.Failed)
                written[(asked.Key, value)] = outcome.Kind == OutcomeKind.Ok ? outcome.Version : null;
        }

        foreach (var sight in notes.StaleReads.Sights)
        {
            var isWritten = written.TryGetValue((sight.Key, sight.Value), out var version);
            if (!isWritten)
                world.Fail($"stale reads: {sight} was never written");
            else if (version is not null && version != sight.Version)
                world.Fail($"stale reads: {sight} was written as version {version}");
        }
    }
}
