using Kvorum.Storage.Files;
using Kvorum.Storage.Log;

namespace Kvorum.Storage.Inspection;

/// <summary>
/// Reads every frame of one segment. Unlike a start it goes on after damage, to tell how much of the segment
/// is lost. Used once.
/// </summary>
internal sealed class SegmentInspection(
    IFileSystem files, Segment segment, FrameOpener opener, List<Finding> findings)
{
    private const string Remedy = Storage.Remedy.ReplaceNode;

    // The last frame of a segment was read: the log goes on in the next one.
    private bool _isContinued;
    private int _frames;
    private long _records;
    private ulong _first;
    private ulong _last;

    // After a damaged stretch missing frames are expected.
    private bool _isBehindDamage;

    /// <summary>Reads the segment and adds the findings.</summary>
    public void Run()
    {
        try
        {
            var parts = ReadableParts.Read(files, segment.Path);
            foreach (var gap in parts.Gaps)
                Damage($"damaged at offset {gap.From}: {gap.End - gap.From} bytes cannot be read: {gap.Why}");
            ReadOnlySpan<byte> file = parts.Bytes;
            segment.Length = file.Length;
            CheckHeader(file);
            ReadFrames(file);
        }
        catch (IOException e) when (DiskErrors.KindOf(e) != DiskErrorKind.OtherKey)
        {
            Damage($"cannot be read: {e.Message}");
        }

        var sequences = _frames == 0 ? "" : $" ({_first} to {_last})";
        findings.Add(new Finding(
            segment.Path, FindingKind.Sound, $"{_frames} whole frames{sequences}, {_records} records"));
    }

    private void CheckHeader(ReadOnlySpan<byte> file)
    {
        if (!RecordFormat.TryReadSegmentHeader(file, out var made))
            Damage("damaged at offset 0: the header of the segment is damaged");
        else if (!made.IsKnown)
            Damage(
                $"written by another version of Kvorum (log format {made.Version})", "Use that version.");
        else if (made.Number != segment.Number)
            Damage($"damaged at offset 0: the header says that this is segment {made.Number}");
        else if (made.Length != segment.Length)
            Damage($"damaged at offset {Math.Min(made.Length, segment.Length)}: " +
                LogRecoverer.WrongLength(segment, made));
    }

    private void ReadFrames(ReadOnlySpan<byte> file)
    {
        // Zeros are the end.
        var end = file.LastIndexOfAnyExcept((byte)0) + 1;
        var position = RecordFormat.SegmentHeaderBytes;
        while (position < end && !_isContinued)
        {
            if (TryReadFrame(file, position, out var next))
            {
                position = next;
                continue;
            }

            var later = FindFrame(file, position + RecordFormat.Alignment, end);
            if (later < 0)
            {
                findings.Add(new Finding(
                    segment.Path, FindingKind.Note,
                    $"{end - position} bytes of an incomplete frame at offset {position}, the last one"));
                return;
            }

            Damage(
                $"damaged at offset {position}: {later - position} bytes are not a valid frame, " +
                $"and a later frame follows at offset {later}");
            position = later;
            _isBehindDamage = true;
        }
    }

    private bool TryReadFrame(ReadOnlySpan<byte> file, int position, out int next)
    {
        next = 0;
        if (!RecordFormat.TryReadFrameHeader(file, segment.Number, position, out var header) ||
            !RecordFormat.TryReadBody(file, position, header, out var body))
            return false;
        if (_frames++ == 0)
            _first = header.Sequence;
        else if (header.Sequence != _last + 1 && !_isBehindDamage)
            Damage($"damaged at offset {position}: frames are missing between {_last} and {header.Sequence}");
        (_last, _isBehindDamage) = (header.Sequence, false);
        var records = new RecordReader(
            opener.Open(body, header, segment.Number, position, segment.Path));
        while (records.MoveNext())
        {
            if (records.Kind == RecordFormat.Continued)
                _isContinued = true;
            else
                _records++;
        }

        if (records.Failed)
            Damage(
                $"the frame at offset {position} is whole, but has a record of unknown kind {records.Kind}",
                "Use the newer version that wrote it.");
        next = position + RecordFormat.FrameBytes(body.Length);
        return true;
    }

    private int FindFrame(ReadOnlySpan<byte> file, int from, int end)
    {
        for (var at = from; at < end; at += RecordFormat.Alignment)
        {
            if (RecordFormat.TryReadFrameHeader(file, segment.Number, at, out var header) &&
                RecordFormat.TryReadBody(file, at, header, out _))
                return at;
        }

        return -1;
    }

    private void Damage(string what, string remedy = Remedy) =>
        findings.Add(new Finding(segment.Path, FindingKind.Damage, $"{what}. {remedy}"));
}
