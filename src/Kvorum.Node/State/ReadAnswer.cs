namespace Kvorum.Node.State;

/// <summary>What a read has found.</summary>
/// <param name="Found">The key is there, and its value is <paramref name="Value"/>.</param>
/// <param name="Value">The value.</param>
/// <param name="Version">Of the value; 0 if there is none.</param>
/// <param name="ValueBytes">The size of the value, also if it is not in the answer.</param>
internal readonly record struct ReadAnswer(
    bool Found, ReadOnlyMemory<byte> Value, ulong Version, long ValueBytes)
{
    /// <summary>True if there is a value that is larger than was asked for.</summary>
    public bool LeavesOut(long valueBytesMax) => !Found && ValueBytes > valueBytesMax;
}
