namespace Kvorum.Node.Export;

/// <summary>One record of a write-ahead log as other stores keep it: a key is set, or removed.</summary>
/// <param name="IsDelete">True if the key is removed; the value is empty then.</param>
/// <param name="Key">The key.</param>
/// <param name="Value">What it is set to.</param>
public readonly record struct WalOperation(
    bool IsDelete, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value);
