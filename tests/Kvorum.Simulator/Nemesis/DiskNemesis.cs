using Kvorum.Simulator.Disks;
using Kvorum.Simulator.Processes;
using Kvorum.Simulator.World;

namespace Kvorum.Simulator.Nemesis;

/// <summary>What goes wrong with disks.</summary>
internal sealed class DiskNemesis(Cluster cluster, FaultySpell spell, RandomStream random)
{
    // A segment has it from the start.
    private const int LogHeaderBytes = 32;

    /// <summary>Bits flip in manifests alone.</summary>
    public bool AimsAtManifests { get; init; }

    /// <summary>The next operations of a kind fail, on a machine that runs.</summary>
    public void Fail(FaultKind kind, string operation)
    {
        if (Pick() is not { } machine || machine.DiskFault is not null)
            return;
        var failures = 1 + random.Below(2);
        // A read that fails is one at the start: reads are rare while a node runs.
        machine.DiskFault = (what, path) =>
        {
            if (what != operation || failures == 0 || !random.Chance(0.7))
                return null;
            // Of a tree that is damage, though it would not be the next time.
            if (kind == FaultKind.ReadError && IsTree(path) && !MayDamage(machine))
                return null;
            failures--;
            cluster.World.Fired(kind);
            return new IOException($"{path}: {what}: input/output error (injected)");
        };
        spell.UndoAfter(random.Between(500_000, 5_000_000), () => machine.DiskFault = null);
        if (kind == FaultKind.ReadError)
            machine.Kill(FaultKind.ProcessCrash);
    }

    /// <summary>
    /// The power goes after some more operations, in the middle of whatever is written then.
    /// </summary>
    public void CrashSoon()
    {
        if (Pick() is { } machine)
            machine.Disk.PowerOffAfter = machine.Disk.Operations + random.Below(20);
    }

    /// <summary>No room is left for a while.</summary>
    public void Fill()
    {
        if (Pick() is not { } machine || machine.DiskBytesMax is not null)
            return;
        cluster.World.Fired(FaultKind.DiskFull);
        machine.DiskBytesMax = machine.Disk.BytesInUse + random.Below(40_000);
        spell.UndoAfter(random.Between(1_000_000, 10_000_000), () => machine.DiskBytesMax = null);
    }

    /// <summary>The process has no descriptors left for a while: what is open stays open.</summary>
    public void SpendDescriptors()
    {
        if (Pick() is not { } machine || machine.HasNoDescriptors)
            return;
        cluster.World.Fired(FaultKind.NoDescriptors);
        machine.HasNoDescriptors = true;
        spell.UndoAfter(random.Between(300_000, 6_000_000), () => machine.HasNoDescriptors = false);
    }

    /// <summary>The disk takes long for a while.</summary>
    public void SlowDown()
    {
        if (Pick() is not { } machine)
            return;
        cluster.World.Fired(FaultKind.SlowDisk);
        machine.DiskSlowness = random.Between(5, 300);
        spell.UndoAfter(random.Between(500_000, 8_000_000), () => machine.DiskSlowness = 1);
    }

    /// <summary>
    /// A bit of synced data flips, where the format promises to notice: not in the newest record of a log or
    /// a manifest, which cannot be told from an unfinished write. A damaged log is a lost node, which is made
    /// to read it; damaged tables are found when they are read, and rebuilt from other replicas.
    /// </summary>
    public void Flip()
    {
        if (Pick() is not { } machine || machine.IsOutsider || !IsFormed
            || !(AimsAtManifests ? MayDamageTrees(machine) : MayDamage(machine)))
            return;
        var files = machine.Disk.Files().Where(file => AimsAtManifests
            ? IsManifest(file.Path) : IsLog(file.Path) || IsTree(file.Path)).ToArray();
        for (var tries = 0; tries < 20 && files.Length > 0; tries++)
        {
            var (path, length) = random.Pick(files);
            var end = IsTable(path) ? length : machine.Disk.LastWriteOffset(path);
            var at = end == 0 ? 0 : random.Between(0, end - 1);
            if (at >= end || machine.Disk.ReadAll(path)[at] == 0)
                continue;
            if (!machine.Disk.Flip(path, at, random.Below(8)))
                continue;
            cluster.World.Fired(FaultKind.BitFlip);
            cluster.World.Trace.Event(
                Verbosity.Faults, TraceKind.Fault, machine.Index, (ulong)at,
                $"a bit flips in {path} at {at}");
            if (IsLog(path) || AimsAtManifests || random.Chance(0.5))
                machine.Kill(FaultKind.ProcessCrash);
            return;
        }
    }

    /// <summary>
    /// Some sectors of a file cannot be read any more, wherever they are: unlike other bytes, no reader takes
    /// them for what they are not. A log with such is a lost node, which is made to read it; such tables are
    /// found when they are read, and rebuilt from other replicas.
    /// </summary>
    public void Spoil()
    {
        if (Pick() is not { } machine || machine.IsWiped || !MayDamage(machine) || !IsFormed)
            return;
        var files = machine.Disk.Files().Where(file => IsLog(file.Path) || IsTree(file.Path)).ToArray();
        for (var tries = 0; tries < 20 && files.Length > 0; tries++)
        {
            var (path, length) = random.Pick(files);
            if (length == 0 || (IsLog(path) && random.Chance(0.8)))
                continue;
            var from = random.Between(0, length - 1) / SimulatedDisk.SectorBytes * SimulatedDisk.SectorBytes;
            var end = Math.Min(length, from + (SimulatedDisk.SectorBytes * random.Between(1, 4)));
            if (!machine.Disk.Spoil(path, from, end))
                continue;
            cluster.World.Fired(FaultKind.BadSector);
            cluster.World.Trace.Event(
                Verbosity.Faults, TraceKind.Fault, machine.Index, (ulong)from,
                $"{path} cannot be read from {from} to {end}");
            if (IsLog(path) || random.Chance(0.5))
                machine.Kill(FaultKind.ProcessCrash);
            return;
        }
    }

    /// <summary>
    /// A node comes back with an empty disk under its id. Mostly an operator finds the former disk in time,
    /// and starts the node with it; else the node stays out to the end.
    /// </summary>
    public void Wipe()
    {
        if (Pick() is not { } machine || machine.IsDamaged || !MayDamage(machine) || !IsFormed)
            return;
        // A node that has joined would join as another one: its id is on the disk.
        if (machine.Joins)
            return;
        // A node that never met the former folder would refuse that one when it comes back, not the empty
        // one.
        if (!cluster.InUse.All(other => other == machine || other.Knows(machine)))
            return;
        machine.Wipe();
        if (random.Chance(0.7))
            spell.UndoAfter(random.Between(1_000_000, 15_000_000), machine.PutBack);
    }

    /// <summary>
    /// A copy is made of a disk, and comes in its place later, when the log has gone on: an administrator who
    /// restores a backup, a machine that is set back to an earlier image.
    /// </summary>
    public void BringBackOld()
    {
        if (PickToForget() is not { } machine)
            return;
        var copy = machine.Disk.Copy();
        spell.UndoAfter(random.Between(1_000_000, 15_000_000), () =>
        {
            if (machine.Process is not null && MayForget(machine))
                ComeBack(machine, copy, FaultKind.OldFolder);
        });
    }

    /// <summary>
    /// The newest frames of a log are zeros: a start finds that up to the mark, and peers find the rest.
    /// </summary>
    public void ZeroLogEnd()
    {
        if (PickToForget() is not { } machine)
            return;
        var zeroed = machine.Disk.Copy();
        var (path, _) = zeroed.Files().Where(file => IsLog(file.Path)).Last(
            file => zeroed.ReadAll(file.Path).AsSpan(LogHeaderBytes).ContainsAnyExcept((byte)0));
        var bytes = zeroed.ReadAll(path);
        var end = bytes.AsSpan().LastIndexOfAnyExcept((byte)0);
        // Mostly a little.
        var most = random.Chance(0.7) ? Math.Min(end - LogHeaderBytes, 600) : end - LogHeaderBytes;
        bytes.AsSpan(end - (int)random.Between(0, most)).Clear();
        zeroed.WriteAll(path, bytes);
        ComeBack(machine, zeroed, FaultKind.ZeroedLogEnd);
    }

    /// <summary>
    /// The folder that the node had in an earlier cluster of the same names comes under it, until an operator
    /// notices: best a node that has never started here, because no other has met that.
    /// </summary>
    public void PutForeign()
    {
        var machine = cluster.InUse.FirstOrDefault(static one =>
            one is { Starts: 0, Joins: false, IsForeign: false })
            ?? PickToForget();
        // Only founders have a namesake there.
        if (machine is null or { Joins: true } || cluster.FormerDiskOf(machine.Index) is not { } disk)
            return;
        machine.ComeWithForeign(disk);
        spell.UndoAfter(random.Between(1_000_000, 15_000_000), machine.PutBack);
    }

    private Machine? PickToForget() =>
        Pick() is { } machine && MayForget(machine) && IsFormed ? machine : null;

    private bool MayForget(Machine machine) => !machine.IsDamaged && MayDamage(machine);

    // If no other node remembers it durably the loss cannot be noticed, and nothing is demanded. If all of
    // them do, the node is as harmless as a wiped one; else it may do harm, and is only told of.
    private void ComeBack(Machine machine, SimulatedDisk with, FaultKind why)
    {
        var others = cluster.InUse.Where(other => other != machine).ToArray();
        var finders = LogFacts.Of(MachineKeys.Opened(with)) is { } found
            ? others.Count(other => other.RemembersMore(machine, found)) : others.Length;
        if (finders == 0)
            return;
        if (finders < others.Length)
            cluster.World.HasForgotten = true;
        machine.ComeBackWith(with, why);
    }

    // A majority of every group must stay whole, so that there is someone to rebuild from.
    private bool MayDamage(Machine machine) =>
        !cluster.World.HasForgotten
            && cluster.InUse.Count(one => one != machine && one.IsDamaged) < cluster.LossesAllowed
            && (cluster.Options.Spares == 0 || cluster.KeepsMajorities(machine));

    // The log is whole, and the configurations say that others have the data.
    private bool MayDamageTrees(Machine machine) => !cluster.World.HasForgotten
        && cluster.Options.Quorums.Count == 0
        && cluster.InUse.All(static one => !one.IsDamaged) && cluster.KeepsMajorities(machine);

    // A node that has not been admitted needs nearly all others, and a keyspace that is made may need all:
    // none may be lost for good before.
    private bool IsFormed => cluster.IsWhole
        && cluster.InUse.All(static machine => machine.IsAdmitted && !machine.IsForeign);

    private static bool IsTree(string path) => path.StartsWith("trees/", StringComparison.Ordinal);

    private static bool IsManifest(string path) =>
        IsTree(path) && path.EndsWith("/manifest", StringComparison.Ordinal);

    private static bool IsTable(string path) => path.EndsWith(".table", StringComparison.Ordinal);

    private static bool IsLog(string path) => path.EndsWith(".log", StringComparison.Ordinal);

    private Machine? Pick()
    {
        var running = cluster.Machines.Where(machine => machine.Process is not null).ToArray();
        return running.Length == 0 ? null : random.Pick(running);
    }
}
