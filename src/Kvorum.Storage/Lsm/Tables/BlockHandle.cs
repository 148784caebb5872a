namespace Kvorum.Storage.Lsm.Tables;

/// <summary>Where a block is in its file, in bytes; flag and checksum count.</summary>
internal readonly record struct BlockHandle(long Offset, int Bytes);
