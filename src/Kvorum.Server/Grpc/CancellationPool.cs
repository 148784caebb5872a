using System.Collections.Concurrent;

namespace Kvorum.Server.Grpc;

/// <summary>Lends cancellation sources, so that a call costs no new source and timer. Any thread.</summary>
internal static class CancellationPool
{
    private const int KeptMax = 1024;

    private static readonly ConcurrentQueue<CancellationTokenSource> Kept = new();

    /// <summary>A source that is not cancelled and has no timer running.</summary>
    public static CancellationTokenSource Rent() => Kept.TryDequeue(out var source) ? source : new();

    /// <summary>Takes a source back; nobody may hold a registration on it that matters.</summary>
    public static void Return(CancellationTokenSource source)
    {
        if (source.TryReset() && Kept.Count < KeptMax)
            Kept.Enqueue(source);
        else
            source.Dispose();
    }
}
