namespace Kvorum.Node;

/// <summary>
/// The versions of the formats on the wire and on disk that a program speaks. A cluster has one active
/// version, which the metadata group holds: all its nodes write that, and no newer one, so that a cluster is
/// upgraded node by node. See docs/upgrading.md.
/// </summary>
/// <param name="Lowest">The oldest one.</param>
/// <param name="Newest">The newest one.</param>
public readonly record struct FormatRange(int Lowest, int Newest)
{
    /// <summary>What programs speak that do not say it: the first version.</summary>
    public const int First = 1;

    /// <summary>
    /// Quorum keyspaces: frames 19 to 22, stages of changes, what their replicas write. Receipts. Who has
    /// asked for a change.
    /// </summary>
    public const int Quorums = 2;

    /// <summary>What this program speaks: the newest version, and the one before it.</summary>
    public static FormatRange Own => new(First, Quorums);

    /// <summary>What a program speaks that knows the first version only.</summary>
    public static FormatRange OnlyFirst => new(First, First);

    /// <summary>True if it speaks this version.</summary>
    public bool Has(int version) => Lowest <= version && version <= Newest;

    /// <summary>True if there is a version that both speak.</summary>
    public bool Meets(FormatRange other) => Lowest <= other.Newest && other.Lowest <= Newest;

    /// <summary>The version that a kind of frames came with.</summary>
    public static int Of(PeerFrameKind kind) => kind >= PeerFrameKind.QuorumRequest ? Quorums : First;

    /// <inheritdoc/>
    public override string ToString() => Lowest == Newest ? $"{Newest} only" : $"{Lowest} to {Newest}";
}
