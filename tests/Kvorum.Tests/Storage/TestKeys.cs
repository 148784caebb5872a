using Kvorum.Storage.Encryption;
using Kvorum.Storage.Keys;

namespace Kvorum.Tests.Storage;

/// <summary>Keys that are the same in each run.</summary>
internal static class TestKeys
{
    /// <summary>A data key; null for plain files.</summary>
    public static DataKeys? If(bool isEncrypted) => isEncrypted ? Of(7, 7) : null;

    /// <summary>The keys of these numbers; 0 as the current one: what is written is plain.</summary>
    public static DataKeys Of(ulong current, params ulong[] keys) => new(
        keys.ToDictionary(static key => key, static key => Bytes(key)), current, Random((int)current));

    public static MasterKey Master(ulong number) => new(Bytes(1000 + number));

    /// <summary>What a node is given.</summary>
    public static FolderKeys Folder(bool encrypts, params ulong[] masters) =>
        new([.. masters.Select(Master)], encrypts, Random(masters.Length));

    public static Action<Span<byte>> Random(int seed)
    {
        var random = new Random(seed);
        return random.NextBytes;
    }

    // Simple ones, so that another program can check the golden bytes.
    private static byte[] Bytes(ulong first) =>
        [.. Enumerable.Range(0, MasterKey.Bytes).Select(i => (byte)(first + (ulong)i))];
}
