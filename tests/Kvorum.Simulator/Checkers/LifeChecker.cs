using System.Globalization;
using Kvorum.Node;
using Kvorum.Node.Clocks;
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
//   3. While all clocks run at one speed and no node was started again, log time is never ahead of its first
//      moment by more than the time that passed, a sixteenth of it, and a bound: whatever wall clocks show.
//   4. Once everything is well, a life takes as long as it was given, within a sixteenth and a bound, unless
//      the value is replaced or deleted before.
//
// A put that has no effect, because its condition does not hold or it repeats a request, begins no life: log
// time need not reach its end, and stands where nothing is written and nothing else is due. A delayed request
// of a client that gave up long ago can be such a put, also once everything is well.
//
// Why that moment: no client can have been served the end before any replica had applied it; and a read that
// is asked later gets an index that is not below it. The checker goes by the log alone, not by what the state
// machine keeps; of that it only looks whether the put took effect and whether its value is still there.

/// <summary>Log time, and the ends of lives. The theorem is at the top of its file.</summary>
/// <param name="isSteady">True while what theorem 3 demands holds.</param>
internal sealed class LifeChecker(SimulatedWorld world, History history, int groups, Func<bool> isSteady)
{
    private const int NoClient = 3000;

    // A commit, the pace at which ends are looked for, and a leader that moves to another node.
    private const long BoundMs = 2000;
    private readonly Lives[] _lives = [.. Enumerable.Range(0, groups).Select(_ => new Lives())];

    private sealed record Life(string Key, string Value, ulong Version, ulong EndsMs)
    {
        /// <summary>True once it was seen in a replica: the put took effect.</summary>
        public bool IsCertain { get; private set; }

        /// <summary>True if the key had this value when it was looked at last.</summary>
        public bool IsHeld
        {
            get;
            set
            {
                field = value;
                IsCertain |= value;
            }
        }

        /// <summary>World time at which the first replica had applied it.</summary>
        public required long BegunUs { get; init; }

        public required long TtlMs { get; init; }
    }

    private sealed class Lives
    {
        /// <summary>Log time by index; index 0 is before the first entry.</summary>
        public List<ulong> TimesMs { get; } = [0];

        public List<Life> Open { get; } = [];

        /// <summary>By index, the world's time when a replica first had an entry there in its log.</summary>
        public List<long> SeenUs { get; } = [0];

        /// <summary>
        /// The first log time that is not zero, and the world's time when its entry came into a log: it may
        /// be applied long after.
        /// </summary>
        public (ulong TimeMs, long AtUs)? First { get; set; }
    }

    /// <summary>World time since when everything is well; null while it is not.</summary>
    public long? WellSinceUs { get; set; }

    /// <summary>
    /// True if no key holds a value that was put when all was well, with this time to live or less.
    /// </summary>
    public bool HasNoneSinceWell(long ttlMs) => !_lives.Any(lives => lives.Open.Any(
        life => life.IsHeld && life.TtlMs <= ttlMs && IsSinceWell(life)));

    /// <summary>Looks at a replica after its loop has turned.</summary>
    public void Look(RaftReplica replica)
    {
        if (replica.IsFenced || replica.Machine is not KeyValueMachine machine)
            return;
        var lives = _lives[replica.Group.Value];
        while ((ulong)lives.SeenUs.Count <= replica.Raft.LastIndex.Value)
            lives.SeenUs.Add(world.NowUs);
        var applied = replica.Tree.AppliedIndex;
        if (applied >= (ulong)lives.TimesMs.Count)
            Follow(lives, replica, machine, applied);
        world.Require(
            machine.LogTimeMs == lives.TimesMs[(int)applied],
            $"log time: {replica.Raft.Id}, group {replica.Group}, has {machine.LogTimeMs} at {applied}, "
                + $"the log says {lives.TimesMs[(int)applied]}");
    }

    private void Follow(Lives lives, RaftReplica replica, KeyValueMachine machine, ulong applied)
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
                    lives.Open.Add(Begun(replica, command, index, time));
            }

            lives.TimesMs.Add(time);
            if (time > 0)
                lives.First ??= (time, lives.SeenUs[(int)index]);
        }

        CheckPace(lives, replica.Group);
        foreach (var life in lives.Open.Where(life => !life.IsCertain || IsSinceWell(life)))
            LookFor(life, machine);
        foreach (var life in ended)
            End(life);
    }

    private Life Begun(RaftReplica replica, in Command command, ulong index, ulong timeMs) => new(
        KeyspaceKey.Of(replica.Identity.Keyspace, RegisterWorkload.Text(command.Key.Span)),
        Padding.TextOf(command.Value.Span), index,
        timeMs + command.TtlMs)
    {
        BegunUs = world.NowUs,
        TtlMs = (long)command.TtlMs,
    };

    private void CheckPace(Lives lives, GroupId group)
    {
        if (lives.First is not { } first)
            return;
        var time = lives.TimesMs[^1];
        var passedMs = (world.NowUs - first.AtUs) / 1000;
        var most = first.TimeMs + (ulong)(passedMs + (passedMs / LogClock.SlewPart) + BoundMs);
        if (!isSteady() || time <= most)
            return;
        world.Fail(string.Create(
            CultureInfo.InvariantCulture,
            $"log time of group {group} is {time - most} ms ahead of all the time that has passed"));
    }

    private bool IsSinceWell(Life life) => life.BegunUs >= WellSinceUs;

    private void CheckLength(Life life)
    {
        if (!IsSinceWell(life) || !life.IsHeld)
            return;
        var tookMs = (world.NowUs - life.BegunUs) / 1000;
        var part = life.TtlMs / (LogClock.SlewPart - 1);
        world.Require(
            tookMs >= life.TtlMs - part - (BoundMs / 4) && tookMs <= life.TtlMs + part + BoundMs,
            $"a life of {life.TtlMs} ms, begun when all was well, took {tookMs} ms: {life.Key}");
    }

    private static void LookFor(Life life, KeyValueMachine machine)
    {
        try
        {
            var (_, key) = KeyspaceKey.Read(life.Key);
            life.IsHeld = machine.Get(RegisterWorkload.Bytes(key))?.Version == life.Version;
        }
        catch (IOException)
        {
            // A table is damaged, and the node has not noticed yet: another replica shows it.
        }
    }

    private void End(Life life)
    {
        CheckLength(life);
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
