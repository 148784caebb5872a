using System.Collections.Concurrent;

namespace Kvorum.Server;

/// <summary>
/// What is kept for a while, bounded by two generations: when the younger is full, it becomes the older, and
/// the older goes. Any thread.
/// </summary>
/// <param name="generationMax">Entries of a generation.</param>
internal sealed class TwoGenerations<TKey, TValue>(int generationMax)
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private volatile Generation _young = new();
    private volatile Generation _old = new();

    /// <summary>Entries that are kept.</summary>
    public int Count => _young.Kept.Count + _old.Kept.Count;

    /// <summary>What was added last under that key, if it is still there.</summary>
    public bool TryFind(TKey key, out TValue? value) =>
        _young.Kept.TryGetValue(key, out value) || _old.Kept.TryGetValue(key, out value);

    /// <summary>It is kept from now on.</summary>
    public void Add(TKey key, TValue value)
    {
        var young = _young;
        young.Kept[key] = value;
        if (Interlocked.Increment(ref young.Added) < generationMax)
            return;
        lock (_gate)
        {
            if (_young == young)
                (_old, _young) = (young, new());
        }
    }

    private sealed class Generation
    {
        public readonly ConcurrentDictionary<TKey, TValue> Kept = new();

        public int Added;
    }
}
