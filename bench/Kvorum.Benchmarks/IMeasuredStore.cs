namespace Kvorum.Benchmarks;

/// <summary>A store that <see cref="BenchmarkRun.Whole"/> measures: each one in the same way.</summary>
internal interface IMeasuredStore : IDisposable
{
    /// <summary>Bytes that it has written to its files, compactions included.</summary>
    double BytesWritten { get; }

    /// <summary>Bytes of its files now.</summary>
    long DiskBytes { get; }

    /// <summary>Writes the share of one thread.</summary>
    void Fill(int thread, Measurement counted);

    /// <summary>Writes one pair, for the thread that writes during reads.</summary>
    void PutOne(Random random, Measurement counted);

    /// <summary>Waits until all is flushed and compacted.</summary>
    void Settle();

    /// <summary>Reads keys at random.</summary>
    void ReadRandom(Random random, Measurement counted, Func<bool> goesOn);

    /// <summary>Seeks keys at random, and reads the next ones.</summary>
    void SeekRandom(Random random, Measurement counted, Func<bool> goesOn);

    /// <summary>Walks over all pairs, and counts them.</summary>
    long ScanAll();
}
