namespace Kvorum.Storage.Trees;

/// <summary>Settings of a tree.</summary>
public sealed record TreeOptions
{
    /// <summary>Bytes between checksums in checkpoint files.</summary>
    public int BlockBytes { get; init; } = 64 << 10;
}
