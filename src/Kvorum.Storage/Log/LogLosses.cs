namespace Kvorum.Storage.Log;

/// <summary>
/// Which entries a damaged log may have lost, as far as the rest of it tells: for the operator's eyes. Of a
/// group that the rest does not name, everything may be lost.
/// </summary>
/// <param name="Groups">
/// Of each group that the rest names and that may have lost entries: the first and the last of them, which
/// is <see cref="ulong.MaxValue"/> if that cannot be known.
/// </param>
/// <param name="Whole">The groups that the rest names and that have lost nothing.</param>
public sealed record LogLosses(
    IReadOnlyDictionary<uint, (ulong From, ulong To)> Groups, IReadOnlySet<uint> Whole);
