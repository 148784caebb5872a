using Kvorum.Node.Budgets;

namespace Kvorum.Server;

/// <summary>
/// What all clients' traffic may hold of a node's memory: replies that wait to be taken, and requests from
/// their first byte until they are answered. One for all front ends of a node: open this first for how large
/// things are admitted.
/// </summary>
/// <remarks>
/// Several rooms, so that half-sent requests keep no reply back, nor the other way. Each connection has a
/// share of each. Small pieces overtake large ones. A connection whose replies stand in the way of others
/// while its client takes too little is cut off (<see cref="Judge"/>), and so is a request that was begun and
/// does not go on (<see cref="MessagePace"/>).
/// </remarks>
public sealed class TrafficRoom
{
    /// <summary>How often <see cref="Judge"/> is to be called.</summary>
    public static readonly TimeSpan JudgeInterval = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Bytes in a second below which a client takes or sends too slowly, where that matters.
    /// </summary>
    public const int BytesPerSecondMin = 16 << 10;

    /// <summary>
    /// A piece up to this size is small, and so many bytes each connection has free: what a gRPC client may
    /// send of one call before it is admitted.
    /// </summary>
    public const int SmallBytesMax = 64 << 10;

    /// <summary>The least room: the largest frame, twice, and some more in each of both.</summary>
    public const long BytesMin = 64L << 20;

    /// <summary>Room of so many bytes for all together.</summary>
    public TrafficRoom(long bytes)
    {
        Replies = Part(bytes / 16 * 7, bytes / 16, SmallBytesMax);
        Requests = Part(bytes / 16 * 7, bytes / 16, SmallBytesMax);
        // Those of one HTTP/2 connection, which sends some of each call before it is told not to.
        Begun = Part(bytes / 16 * 2, bytes / 16, 0);
    }

    /// <summary>Replies from before they are made until they are sent.</summary>
    public ByteRoom Replies { get; }

    /// <summary>Requests from when they begin to come until they are answered.</summary>
    public ByteRoom Requests { get; }

    /// <summary>What has come of requests that wait to be admitted.</summary>
    public ByteRoom Begun { get; }

    /// <summary>
    /// Tells the connections whose replies others wait for and whose clients take too little.
    /// </summary>
    public void Judge() => Replies.Judge();

    private static ByteRoom Part(long bytes, long shareBytes, long freeBytes) => new(new()
    {
        BytesMax = bytes,
        ShareBytesMax = shareBytes,
        FreeBytes = freeBytes,
        ProgressBytes = (long)(BytesPerSecondMin * JudgeInterval.TotalSeconds),
    });
}
