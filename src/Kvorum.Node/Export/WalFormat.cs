// A plain write-ahead log, as kvorum wal export writes it and kvorum wal import reads it. Little-endian.
//
//   file   = record*
//   record = op u8 (1: put, 2: delete), key length u32, key, value length u32, value
//
// put hello world: 01 05000000 68656c6c6f 05000000 776f726c64. A delete has a value of no bytes. There are no
// checksums, no indexes and no end mark in it: records are read one behind the other up to the end.

namespace Kvorum.Node.Export;

/// <summary>Constants of the format. The grammar is at the top of this file.</summary>
internal static class WalFormat
{
    public const byte Put = 1;
    public const byte Delete = 2;

    /// <summary>Bytes of a record without key and value.</summary>
    public const int OverheadBytes = 9;
}
