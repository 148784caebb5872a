namespace Kvorum.Verification;

/// <summary>What an operation on one key does.</summary>
public enum OperationKind : byte
{
    /// <summary>Reads the value.</summary>
    Get,

    /// <summary>Sets the value; with <see cref="Invocation.IfVersion"/> a compare-and-set.</summary>
    Put,

    /// <summary>Removes the key; with <see cref="Invocation.IfVersion"/> only that version of it.</summary>
    Delete,

    /// <summary>
    /// Adds <see cref="Invocation.Delta"/> to the decimal number that the key holds; an absent key counts as
    /// zero.
    /// </summary>
    Add,

    /// <summary>
    /// Not asked by a client: the life of <see cref="Invocation.Value"/>, written as version
    /// <see cref="Invocation.OfVersion"/>, ends. If the key holds just that, it is absent from then on. Only
    /// one write may have set the value.
    /// </summary>
    Expire,
}
