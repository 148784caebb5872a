namespace Kvorum.Node.State;

/// <summary>
/// Where a state machine makes the keys that it looks up and changes, so that none is allocated: of each kind
/// one at a time, until the next is made. Owned by the node loop.
/// </summary>
internal sealed class KeyRooms
{
    private byte[] _data = new byte[RecordKeys.Size(Protocol.Limits.KeyBytesMax)];
    private byte[] _expiry = new byte[RecordKeys.Size(Protocol.Limits.KeyBytesMax)];

    /// <summary>Under which a user's key is kept.</summary>
    public ReadOnlySpan<byte> Data(ReadOnlySpan<byte> key) =>
        RecordKeys.ForData(key, Sized(ref _data, key.Length));

    /// <summary>Under which it is kept that a user's key ends.</summary>
    public ReadOnlySpan<byte> Expiry(ulong expiresMs, ReadOnlySpan<byte> key) =>
        RecordKeys.ForExpiry(expiresMs, key, Sized(ref _expiry, key.Length));

    private static byte[] Sized(ref byte[] room, int keyBytes)
    {
        if (room.Length < RecordKeys.Size(keyBytes))
            room = new byte[RecordKeys.Size(keyBytes)];
        return room;
    }
}
