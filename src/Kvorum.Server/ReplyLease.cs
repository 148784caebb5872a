using Kvorum.Node.Budgets;

namespace Kvorum.Server;

/// <summary>
/// What the replies to one call of a front end hold of its connection's share, from before they are made
/// until they have left. A reply that comes after the end gives its room back at once. Any thread.
/// </summary>
internal sealed class ReplyLease(ByteShare share) : IDisposable
{
    private readonly Lock _gate = new();
    private long _held;
    private bool _isClosed;

    /// <summary>Of which it holds.</summary>
    public ByteShare Share => share;

    /// <summary>How often a value is in memory, at most, until the client has it.</summary>
    public int Copies { get; set; } = 1;

    /// <summary>Bytes held.</summary>
    public long Held
    {
        get
        {
            lock (_gate)
                return _held;
        }
    }

    /// <summary>A reply brings the room that was taken for it.</summary>
    public void Hold(long bytes)
    {
        if (bytes == 0)
            return;
        lock (_gate)
        {
            if (!_isClosed)
            {
                _held += bytes;
                return;
            }
        }

        share.Give(bytes);
    }

    /// <summary>The client has taken some: it is not stalled.</summary>
    public void Progress(int bytes) => share.Progress(bytes);

    /// <summary>What it holds has left.</summary>
    public void Release() => share.Give(Take(closing: false));

    /// <inheritdoc/>
    public void Dispose() => share.Give(Take(closing: true));

    private long Take(bool closing)
    {
        lock (_gate)
        {
            _isClosed |= closing;
            var held = _held;
            _held = 0;
            return held;
        }
    }
}
