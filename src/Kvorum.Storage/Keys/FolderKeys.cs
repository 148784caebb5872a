using Kvorum.Storage.Encryption;

namespace Kvorum.Storage.Keys;

/// <summary>What a node is given to encrypt its data folder.</summary>
/// <param name="Masters">The newest master key first; none: only a plain folder can be opened.</param>
/// <param name="Encrypts">False: what is written is plain, and old files become so.</param>
/// <param name="Random">Fills with random bytes; called by one thread at a time.</param>
public sealed record FolderKeys(
    IReadOnlyList<MasterKey> Masters, bool Encrypts, Action<Span<byte>> Random)
{
    /// <summary>No keys.</summary>
    public static FolderKeys None { get; } = new([], false, static _ => { });
}
