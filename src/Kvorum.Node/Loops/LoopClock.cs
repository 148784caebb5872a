namespace Kvorum.Node.Loops;

/// <summary>The time of a turn. Owned by the loop.</summary>
internal sealed class LoopClock(NodeContext context)
{
    /// <summary>
    /// The node's clock as of this turn, in milliseconds from an arbitrary start; never falls.
    /// </summary>
    public long NowMs { get; private set; } = context.MonotonicMs;

    /// <summary>A turn begins.</summary>
    public void BeginTurn() => NowMs = context.MonotonicMs;
}
