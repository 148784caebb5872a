namespace Kvorum.Verification;

/// <summary>What a key held when all faults were over and no client wrote any more.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">The value; null if the key was absent.</param>
/// <param name="Version">The version; null if not reported.</param>
public readonly record struct FinalRead(string Key, string? Value, ulong? Version);
