using System.Globalization;
using Kvorum.Node.Replicas;
using Kvorum.Node.State;
using Kvorum.Raft;
using Kvorum.Simulator.Workloads;
using Kvorum.Simulator.World;
using Kvorum.Verification;
using Outcome = Kvorum.Verification.Outcome;

namespace Kvorum.Simulator.Checkers;

// Theorem (ADR 7). Let the log time at an index be the greatest time of the commands up to it.
//   1. All replicas have that log time when they have applied up to the index.
//   2. A value that was put at an index with a time to live ends when the log time reaches that of its own
//      index plus the time to live. It is served until then and never after: at the moment at which the
//      first replica has applied an entry of that log time, its end goes into the history, where
//      linearizability is checked, pages of scans included.
//
// Why that moment: nobody can have been served the end before any replica had applied it; and a read that is
// asked later gets an index that is not below it. The checker goes by the log alone, not by what the state
// machine keeps; of that it only looks whether the put took effect.

/// <summary>Log time, and the ends of lives. The theorem is at the top of its file.</summary>
internal sealed class LifeChecker(SimulatedWorld world, History history, int groups)
{
    private const int NoClient = 3000;
    private readonly Lives[] _lives = [.. Enumerable.Range(0, groups).Select(_ => new Lives())];

    private sealed record Life(string Key, string Value, ulong Version, ulong EndsMs)
    {
        /// <summary>True once it was seen in a replica: the put took effect.</summary>
        public bool IsCertain { get; set; }
    }

    private sealed class Lives
    {
        /// <summary>Log time by index; index 0 is before the first entry.</summary>
        public List<ulong> TimesMs { get; } = [0];

        public List<Life> Open { get; } = [];
    }

    /// <summary>Looks at a replica after its loop has turned.</summary>
    public void Look(Replica replica)
    {
        if (replica.IsFenced || replica.Machine is not KeyValueMachine machine)
            return;
        var lives = _lives[replica.Group];
        var applied = replica.Tree.AppliedIndex;
        if (applied >= (ulong)lives.TimesMs.Count)
            Follow(lives, replica, machine, applied);
        world.Require(
            machine.LogTimeMs == lives.TimesMs[(int)applied],
            string.Create(
                CultureInfo.InvariantCulture,
                $"log time: {replica.Raft.Id}, group {replica.Group}, has {machine.LogTimeMs} at {applied}, "
                    + $"the log says {lives.TimesMs[(int)applied]}"));
    }

    private void Follow(Lives lives, Replica replica, KeyValueMachine machine, ulong applied)
    {
        var known = lives.Open.Count;
        var ended = new List<Life>();
        while ((ulong)lives.TimesMs.Count <= applied)
        {
            var index = (ulong)lives.TimesMs.Count;
            var time = lives.TimesMs[^1];
            if (replica.Raft.EntryAt(new(index)) is not { } entry)
            {
                world.Fail($"the simulator has missed entry {index} of group {replica.Group}");
                return;
            }

            if (entry.Kind == EntryKind.Command)
            {
                var command = CommandCodec.Decode(entry.Data);
                time = Math.Max(time, command.TimeMs);
                ended.AddRange(lives.Open.Where(life => life.EndsMs <= time));
                lives.Open.RemoveAll(life => life.EndsMs <= time);
                if (command.TtlMs > 0)
                    lives.Open.Add(Begun(command, index, time));
            }

            lives.TimesMs.Add(time);
        }

        foreach (var life in lives.Open.Where(life => !life.IsCertain))
            life.IsCertain = Has(machine, life);
        foreach (var life in ended)
            End(life);
    }

    private static Life Begun(in Command command, ulong index, ulong timeMs) => new(
        RegisterWorkload.Text(command.Key.Span), Padding.TextOf(command.Value.Span), index,
        timeMs + command.TtlMs);

    // A put whose condition did not hold, or that was a repetition, has no life.
    private static bool Has(KeyValueMachine machine, Life life)
    {
        try
        {
            return machine.Get(RegisterWorkload.Bytes(life.Key))?.Version == life.Version;
        }
        catch (IOException)
        {
            // A table is damaged, and the node has not noticed yet: another replica shows it.
            return false;
        }
    }

    private void End(Life life)
    {
        var at = TimeSpan.FromMicroseconds(world.NowUs);
        var ends = new Invocation(NoClient, OperationKind.Expire, life.Key)
        {
            Value = life.Value,
            OfVersion = life.Version,
        };
        var end = history.Invoke(ends, at);
        history.Complete(end, life.IsCertain ? Outcome.Written() : Outcome.Unknown, at);
    }
}
