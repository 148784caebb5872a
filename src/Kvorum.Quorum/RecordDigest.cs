namespace Kvorum.Quorum;

/// <summary>
/// What a replica says of a record without its value. Two replicas with equal digests hold the same record,
/// because no two writes share a version.
/// </summary>
/// <param name="Version">The version; none if the replica has nothing under the key.</param>
/// <param name="IsDeleted">True for a tombstone.</param>
/// <param name="ExpiresAtMs">
/// When it expires, in milliseconds since 1970 by the hybrid clock; zero if it does not. An expired record is
/// a tombstone of the same version.
/// </param>
public readonly record struct RecordDigest(RecordVersion Version, bool IsDeleted, long ExpiresAtMs)
{
    /// <summary>Nothing is under the key.</summary>
    public static RecordDigest Absent => default;

    /// <summary>True if nothing is under the key.</summary>
    public bool IsAbsent => Version.IsNone;

    /// <summary>
    /// True if the record has a value at that time: it is there, not deleted and not expired.
    /// </summary>
    public bool HasValueAt(long nowMs) => !IsAbsent && !IsDeletedAt(nowMs);

    /// <summary>True for a tombstone, or a record that has become one by then.</summary>
    public bool IsDeletedAt(long nowMs) => IsDeleted || (ExpiresAtMs > 0 && ExpiresAtMs <= nowMs);

    /// <summary>
    /// The digest that replicas compare: an expired record and its tombstone are the same.
    /// </summary>
    public RecordDigest ComparedAt(long nowMs) => IsDeletedAt(nowMs) ? new(Version, true, 0) : this;

    /// <summary>
    /// True if replicas may have collected it: a tombstone below the horizon. One replica has it and another
    /// does not, and both are right.
    /// </summary>
    public bool MayBeCollected(long nowMs, HybridTimestamp horizon) =>
        !IsAbsent && Version.Time < horizon && IsDeletedAt(nowMs);
}
