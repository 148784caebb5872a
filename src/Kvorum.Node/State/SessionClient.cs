namespace Kvorum.Node.State;

/// <summary>
/// What the session table knows in memory of a client with records: enough to see that a request is new.
/// </summary>
internal sealed class SessionClient(byte[] id)
{
    private ulong _forgottenUpTo;
    private bool _hasForgotten;

    public byte[] Id => id;

    /// <summary>Tells its requests from those of others, mostly.</summary>
    public uint Hash { get; } = (uint)ClientIdComparer.Instance.GetHashCode(id);

    /// <summary>
    /// No request above it has a record, nor had one that was forgotten. A bound: it may be higher than that.
    /// </summary>
    public ulong Newest { get; private set; }

    /// <summary>Records that are kept.</summary>
    public int Records { get; private set; }

    public void Add(ulong requestId)
    {
        Records++;
        Saw(requestId);
    }

    /// <summary>A request up to this one was applied once.</summary>
    public void Saw(ulong requestId) => Newest = Math.Max(Newest, requestId);

    /// <summary>A record goes. True if it is the first since <see cref="TakeForgotten"/>.</summary>
    public bool Forget(ulong requestId)
    {
        Records--;
        var isFirst = !_hasForgotten;
        _hasForgotten = true;
        _forgottenUpTo = Math.Max(_forgottenUpTo, requestId);
        return isFirst;
    }

    /// <summary>Up to where records were forgotten.</summary>
    public ulong TakeForgotten()
    {
        _hasForgotten = false;
        return _forgottenUpTo;
    }
}
