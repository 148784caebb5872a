namespace Kvorum.Tests.House.Samples.Pure;

/// <summary>
/// Bad on purpose: everything that a pure room must not do, each in the way that is hardest to see.
/// </summary>
internal static class ImpureRoom
{
    public static IEnumerable<long> Clock()
    {
        yield return DateTime.UtcNow.Ticks;
    }

    public static Func<byte[]> Disk(string path) => () => File.ReadAllBytes(path);

    public static async Task<int> Wait()
    {
        await Task.Yield();
        return new Random().Next();
    }

    public static string Machine() => Environment.MachineName;

    public static bool Guarded(Lock gate)
    {
        lock (gate)
            return true;
    }
}
