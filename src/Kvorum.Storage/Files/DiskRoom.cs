namespace Kvorum.Storage.Files;

/// <summary>The room on a disk.</summary>
/// <param name="Free">Bytes that this process may still write.</param>
/// <param name="Total">Bytes of the whole disk.</param>
public readonly record struct DiskRoom(long Free, long Total);
