using Kvorum.Quorum;

namespace Kvorum.Node.Leaderless;

/// <summary>
/// The writes that came to a replica after a newer one of the same key: nobody has read them here, and nobody
/// will. Counted since the start, the newest kept. What repair brings late is not among them. Owned by the
/// node loop.
/// </summary>
internal sealed class SupersededWrites
{
    private readonly Queue<SupersededWrite> _newest = new();

    /// <summary>How many there were since the start.</summary>
    public long Count { get; private set; }

    /// <summary>The newest, the oldest of them first.</summary>
    public IReadOnlyList<SupersededWrite> Newest => [.. _newest];

    /// <summary>A write lost.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="lost">Its version.</param>
    /// <param name="won">The version that was there.</param>
    /// <param name="unixMs">When it came.</param>
    public void Add(ReadOnlySpan<byte> key, RecordVersion lost, RecordVersion won, long unixMs)
    {
        Count++;
        if (_newest.Count == Limits.SupersededKept)
            _newest.Dequeue();
        var shown = key[..Math.Min(key.Length, Limits.SupersededKeyBytes)];
        _newest.Enqueue(new()
        {
            KeyBase64 = Convert.ToBase64String(shown),
            IsKeyCut = shown.Length < key.Length,
            Lost = TextOf(lost),
            Won = TextOf(won),
            AtMs = unixMs,
        });
    }

    // As receipts have them.
    private static string TextOf(RecordVersion version) =>
        new Protocol.WriteVersion(version.Time.Value, version.Writer.Value).ToString();
}
