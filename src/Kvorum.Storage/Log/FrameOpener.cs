using System.Buffers.Binary;
using Kvorum.Storage.Encryption;

namespace Kvorum.Storage.Log;

/// <summary>The records of frames that are read one after the other. One thread.</summary>
internal sealed class FrameOpener(DataKeys? keys) : IDisposable
{
    private FileCipher? _cipher;
    private byte[] _records = [];

    /// <summary>
    /// The records in the body of a whole frame, until the next call. A <see cref="KeyException"/> if they
    /// are encrypted with another key.
    /// </summary>
    public ReadOnlySpan<byte> Open(
        ReadOnlySpan<byte> body, FrameHeader header, ulong segment, long offset, string path)
    {
        if (!header.IsSealed)
            return body;
        if (body.Length < RecordFormat.SealBytes)
            throw KeyException.Forged(path, offset, 0);
        var seal = Seal.Read(body);
        if (_cipher?.Seal != seal)
        {
            _cipher?.Dispose();
            _cipher = null;
            _cipher = DataKeys.ToRead(keys, seal, SealedKind.Log, path);
        }

        if (_records.Length < body.Length)
            _records = new byte[Math.Max(body.Length, Math.Min(2L * _records.Length, Array.MaxLength))];
        var number = BinaryPrimitives.ReadUInt64LittleEndian(body[Seal.Bytes..]);
        Span<byte> place = stackalloc byte[RecordFormat.PlaceBytes];
        RecordFormat.WritePlace(place, header.Sequence, segment, offset);
        return _cipher.TryDecrypt(number, place, body[RecordFormat.SealHeadBytes..], _records)
            ? _records.AsSpan(0, body.Length - RecordFormat.SealBytes)
            : throw KeyException.Forged(path, offset, seal.Key);
    }

    /// <summary>The data key of a frame's body; 0: it is plain.</summary>
    public static ulong KeyOf(ReadOnlySpan<byte> body, FrameHeader header) =>
        header.IsSealed ? Seal.Read(body).Key : 0;

    /// <inheritdoc/>
    public void Dispose() => _cipher?.Dispose();
}
