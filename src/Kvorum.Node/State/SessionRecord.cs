using Kvorum.Protocol;

namespace Kvorum.Node.State;

/// <summary>What is kept of a request that was applied: all of its answer but a value.</summary>
internal record struct SessionRecord
{
    public SessionClient Client;
    public ulong RequestId;
    public ulong TimeMs;
    public ulong Version;

    /// <summary>
    /// The place, cut to 32 bits, of the record before it in its bucket of the <see cref="SessionRing"/>.
    /// </summary>
    public uint Previous;

    public ReplyStatus Status;
    public bool Found;

    /// <summary>The answer has a value, which lies in the tree by the record's place.</summary>
    public bool HasValue;
}
