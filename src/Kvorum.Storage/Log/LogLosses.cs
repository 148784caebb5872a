namespace Kvorum.Storage.Log;

/// <summary>
/// The entries that a damaged log may have lost, as far as its remaining frames tell; for messages to the
/// operator. A group without a remaining frame may have lost everything.
/// </summary>
/// <param name="Groups">
/// For each group with remaining frames that may have lost entries: the first and the last lost one;
/// <see cref="ulong.MaxValue"/> if the last is unknown.
/// </param>
/// <param name="Whole">The groups with remaining frames that have lost nothing.</param>
public sealed record LogLosses(
    IReadOnlyDictionary<uint, (ulong From, ulong To)> Groups, IReadOnlySet<uint> Whole);
