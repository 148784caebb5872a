namespace Kvorum.Raft.Membership;

/// <summary>
/// The configurations in the log, oldest first, each with the index from which it is in force; the first
/// stands for the snapshot. A configuration is in force as soon as its entry is in the log, and is taken back
/// with it (thesis 4.1).
/// </summary>
internal sealed class ConfigurationHistory(ulong index, Configuration configuration)
{
    private readonly List<(ulong Index, Configuration Configuration)> _known = [(index, configuration)];

    /// <summary>The configuration in force.</summary>
    public Configuration Current { get; private set; } = configuration;

    /// <summary>The index of its entry, or of the snapshot.</summary>
    public ulong CurrentIndex { get; private set; } = index;

    /// <summary>
    /// True if the configuration in force is the first one and has no voters. Cached, because each heartbeat
    /// reads it, and walking to the voters costs several cache misses.
    /// </summary>
    public bool IsBlank { get; private set; } = index == 0 && configuration.Voters.Count == 0;

    /// <summary>An entry with a new configuration was appended.</summary>
    public void Add(ulong index, Configuration configuration)
    {
        Invariant.Check(index > CurrentIndex);
        _known.Add((index, configuration));
        UseNewest();
    }

    /// <summary>Entries from the index on were removed. True if the configuration in force changed.</summary>
    public bool TruncateFrom(ulong index)
    {
        var before = _known.Count;
        while (_known.Count > 1 && _known[^1].Index >= index) _known.RemoveAt(_known.Count - 1);
        Invariant.Check(_known[^1].Index < index || index == 0);
        UseNewest();
        return _known.Count != before;
    }

    /// <summary>
    /// The configuration in force at an index; null if that is older than all that is known.
    /// </summary>
    public Configuration? At(ulong index)
    {
        for (var i = _known.Count - 1; i >= 0; i--)
        {
            if (_known[i].Index <= index) return _known[i].Configuration;
        }
        return null;
    }

    /// <summary>The index from which the configuration at an index is in force; null as above.</summary>
    public ulong? IndexAt(ulong index)
    {
        for (var i = _known.Count - 1; i >= 0; i--)
        {
            if (_known[i].Index <= index) return _known[i].Index;
        }
        return null;
    }

    /// <summary>
    /// True if the node votes in the configuration in force at the index or in a later one.
    /// </summary>
    public bool HasVoterSince(ulong index, NodeId node)
    {
        for (var i = _known.Count - 1; i >= 0; i--)
        {
            if (_known[i].Configuration.HasVoter(node)) return true;
            if (_known[i].Index <= index) return false;
        }
        return false;
    }

    /// <summary>
    /// The index of the newest configuration without the node; 0 if it is older than all that is known.
    /// </summary>
    public ulong NewestWithout(NodeId node)
    {
        for (var i = _known.Count - 1; i >= 0; i--)
        {
            if (!_known[i].Configuration.HasMember(node)) return _known[i].Index;
        }
        return 0;
    }

    /// <summary>Forgets what is older than the configuration in force at the snapshot's index.</summary>
    public void Compact(ulong snapshotIndex)
    {
        while (_known.Count > 1 && _known[1].Index <= snapshotIndex) _known.RemoveAt(0);
    }

    /// <summary>A snapshot replaces the log.</summary>
    public void Reset(ulong index, Configuration configuration)
    {
        _known.Clear();
        _known.Add((index, configuration));
        UseNewest();
    }

    private void UseNewest()
    {
        (CurrentIndex, Current) = _known[^1];
        IsBlank = CurrentIndex == 0 && Current.Voters.Count == 0;
    }
}
