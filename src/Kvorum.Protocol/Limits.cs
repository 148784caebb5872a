namespace Kvorum.Protocol;

/// <summary>
/// Bounds that client and server share. Limits on keys and values are per keyspace; these are their defaults
/// and ceilings.
/// </summary>
public static class Limits
{
    /// <summary>Default bound of a key, in bytes.</summary>
    public const int KeyBytesMax = 4 << 10;

    /// <summary>
    /// Default bound of a value, in bytes: a gRPC client with its library's settings takes messages of 4 MiB,
    /// and with the value come its key, in a scan, and what every reply says.
    /// </summary>
    public const int ValueBytesMax = (4 << 20) - (64 << 10);

    /// <summary>
    /// The greatest bound of a value that can be set, in bytes: half a frame. Values up to it are read,
    /// whatever the bound is now.
    /// </summary>
    public const int ValueBytesCeiling = 8 << 20;

    /// <summary>Bound of a client id, in UTF-8 bytes: it is stored with each write that carries it.</summary>
    public const int ClientIdBytesMax = 128;

    /// <summary>Bound of a keyspace name, in UTF-8 bytes.</summary>
    public const int KeyspaceBytesMax = 64;

    /// <summary>
    /// Bound of one frame, in bytes: the largest value with its previous value and room for the rest.
    /// </summary>
    public const int FrameBytesMax = 16 << 20;

    /// <summary>
    /// Bound of a scan's page, in bytes, that names none: large enough that a page's round trip is small
    /// beside its bytes, small enough for a hundred of them at once.
    /// </summary>
    public const int ScanPageBytesDefault = 256 << 10;

    /// <summary>The greatest bound of a scan's page that may be asked for, in bytes.</summary>
    public const int ScanPageBytesMax = 1 << 20;

    /// <summary>Hash slots, as Redis Cluster defines them.</summary>
    public const int SlotCount = 16384;
}
