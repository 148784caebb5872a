using Kvorum.Protocol;
using Kvorum.Server.Access;

namespace Kvorum.Server.Native;

/// <summary>
/// The connection's place among those of its user. Whoever has none hears one sentence, and the connection is
/// closed. Owned by the reader.
/// </summary>
internal sealed partial class NativeConnection
{
    // Null where nobody is known.
    private readonly ConnectionPlace? _place;

    // As soon as it is known who is at the other end.
    private void TakePlace()
    {
        if (_node is CallersNode caller && _place?.Connect(caller) is { EndsConnection: true } refused)
            throw new NoPlaceException(refused);
    }

    // A request that is refused is answered, unless it is the connection that has no place.
    private Reply? Enter(out UserPlaces? entered)
    {
        entered = null;
        var refused = (_node as CallersNode)?.Enter(out entered);
        return refused is { EndsConnection: true } ? throw new NoPlaceException(refused) : refused?.Reply;
    }

    /// <summary>The user has too many connections.</summary>
    private sealed class NoPlaceException(UserRefusal refusal) : Exception(refusal.Reply.Message)
    {
        /// <summary>True if the client hears it.</summary>
        public bool IsTold { get; } = refusal.IsTold;
    }
}
