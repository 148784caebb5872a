namespace Kvorum.Verification;

/// <summary>
/// What a client asked for. Values are compared as text: a store of bytes hands in any text that differs
/// where the bytes differ.
/// </summary>
/// <param name="Client">The client, numbered by the caller.</param>
/// <param name="Kind">What the operation does.</param>
/// <param name="Key">The key.</param>
public readonly record struct Invocation(int Client, OperationKind Kind, string Key)
{
    /// <summary>
    /// Number of the request among its client's, as sent; zero for an operation without one. Retries of one
    /// request are one operation.
    /// </summary>
    public ulong Request { get; init; }

    /// <summary>Put: the value to set. Expire: the value whose life ends. Otherwise null.</summary>
    public string? Value { get; init; }

    /// <summary>Put: how long the value is to live; null: for ever.</summary>
    public TimeSpan? Life { get; init; }

    /// <summary>Add: the number to add.</summary>
    public long Delta { get; init; }

    /// <summary>
    /// A write that happens only if the key's version is this; 0 means "absent". Null for an unconditional
    /// one.
    /// </summary>
    public ulong? IfVersion { get; init; }

    /// <summary>Expire: the version that the value was written as.</summary>
    public ulong OfVersion { get; init; }

    /// <summary>True if a put or delete asks for the value before it.</summary>
    public bool ReturnsPrevious { get; init; }
}
