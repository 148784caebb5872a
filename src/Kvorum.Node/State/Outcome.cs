using Kvorum.Protocol;

namespace Kvorum.Node.State;

/// <summary>
/// What applying one command came to: the part of the reply that is the same on every replica.
/// </summary>
internal readonly record struct Outcome(
    ReplyStatus Status, bool Found, ReadOnlyMemory<byte> Value, ulong Version, bool Replayed = false);
