using System.Buffers.Binary;
using Kvorum.Storage.Encryption;

namespace Kvorum.Storage.Log;

/// <summary>
/// Encrypts the bodies of frames. The key is one of this start of the process and this segment; each frame
/// has a number of its own under it, also one that could not be written and comes again. Log lane.
/// </summary>
internal sealed class FrameSealer(DataKeys keys)
{
    private FileCipher? _cipher;
    private ulong _segment;
    private ulong _frames;
    private byte[] _frame = [];

    /// <summary>A buffer like the given one with the body encrypted, and the length of its body.</summary>
    public Span<byte> Seal(
        ReadOnlySpan<byte> body, ulong sequence, ulong segment, long offset, out int sealedBytes)
    {
        if (_cipher is null || _segment != segment)
        {
            _cipher?.Dispose();
            (_cipher, _segment) = (keys.ToWrite(SealedKind.Log)!, segment);
        }

        sealedBytes = body.Length + RecordFormat.SealBytes;
        var frameBytes = RecordFormat.FrameBytes(sealedBytes);
        if (_frame.Length < frameBytes)
            _frame = new byte[Math.Max(frameBytes, Math.Min(2L * _frame.Length, Array.MaxLength))];
        var frame = _frame.AsSpan(0, frameBytes);
        frame[(RecordFormat.FrameHeaderBytes + sealedBytes)..].Clear();
        var into = frame[RecordFormat.FrameHeaderBytes..];
        _cipher.Seal.Write(into);
        var number = ++_frames;
        BinaryPrimitives.WriteUInt64LittleEndian(into[Encryption.Seal.Bytes..], number);
        Span<byte> place = stackalloc byte[RecordFormat.PlaceBytes];
        RecordFormat.WritePlace(place, sequence, segment, offset);
        _cipher.Encrypt(number, place, body, into[RecordFormat.SealHeadBytes..]);
        return frame;
    }

    /// <summary>Lets go of the buffer of an unusually large frame.</summary>
    public void Trim(long bytes)
    {
        if (_frame.Length > bytes)
            _frame = [];
    }
}
