namespace Kvorum.Server.Audit;

/// <summary>How much of the audit log is kept, on disk and in memory.</summary>
/// <param name="FileBytesMax">A file that has so many bytes becomes the newest of the older ones.</param>
/// <param name="FilesMax">Files that are kept, the one that is written included; at least 2.</param>
/// <param name="QueueMax">Events that may wait for the disk; further ones are counted as lost.</param>
internal sealed record AuditBounds(
    long FileBytesMax = 64 << 20, int FilesMax = 16, int QueueMax = 16384);
