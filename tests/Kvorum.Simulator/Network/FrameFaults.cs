namespace Kvorum.Simulator.Network;

/// <summary>What befalls single frames, as probabilities. All zero: nothing does.</summary>
internal sealed record FrameFaults
{
    /// <summary>None.</summary>
    public static FrameFaults None { get; } = new();

    /// <summary>The frame is lost without a word.</summary>
    public double Lost { get; init; }

    /// <summary>
    /// A frame of Raft comes a second time, later. Other kinds never do: a connection forbids it.
    /// </summary>
    public double Duplicated { get; init; }

    /// <summary>
    /// A frame of Raft is held back, so that later ones overtake it. Other kinds never are.
    /// </summary>
    public double Reordered { get; init; }
}
