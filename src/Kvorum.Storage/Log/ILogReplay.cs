namespace Kvorum.Storage.Log;

/// <summary>
/// Receives what a log holds when it is opened, record by record in the order of writing. Spans are valid
/// during the call only.
/// </summary>
public interface ILogReplay
{
    /// <summary>
    /// An entry of a group. It replaces all earlier entries of the group with the same or a larger index.
    /// </summary>
    void Entry(uint group, ulong index, ReadOnlySpan<byte> payload);

    /// <summary>The newest state of a group so far; later calls replace earlier ones.</summary>
    void State(uint group, ReadOnlySpan<byte> payload);
}
