using Kvorum.Simulator.Disks;
using Kvorum.Simulator.World;
using Kvorum.Storage.Encryption;
using Kvorum.Storage.Files;
using Kvorum.Storage.Keys;

namespace Kvorum.Simulator.Processes;

/// <summary>
/// The master keys of a machine whose operator encrypts its disk. Mostly a start has the keys of the one
/// before; some have a newer one, and some switch encryption off until the next start.
/// </summary>
internal sealed class MachineKeys(RandomStream random)
{
    private const int Most = 50;

    // The same on all machines: a disk may come from another one.
    private static readonly MasterKey[] Masters =
        [.. Enumerable.Range(0, Most).Select(static number => new MasterKey(
            [.. Enumerable.Repeat((byte)(number + 1), MasterKey.Bytes)]))];

    private int _newest;

    /// <summary>
    /// What the next start is given: its own master key first, then all others, since a power cut may keep an
    /// older one in use, and a disk may come from elsewhere.
    /// </summary>
    public FolderKeys Next()
    {
        if (random.Chance(0.2) && _newest < Most - 1)
            _newest++;
        return new([Masters[_newest], .. Masters], random.Chance(0.75), Fill(random.Next()));
    }

    /// <summary>The disk of a machine that does not run, as a command on its folder has it.</summary>
    public static IFileSystem Opened(SimulatedDisk disk) => disk.Exists(KeyFile.Name)
        ? KeyFile.OpenAsFound(disk, new(Masters, true, Fill((ulong)disk.Operations))) : disk;

    private static Action<Span<byte>> Fill(ulong seed) => new Random((int)seed).NextBytes;
}
