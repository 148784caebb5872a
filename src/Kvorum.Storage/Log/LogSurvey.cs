using Kvorum.Storage.Files;

namespace Kvorum.Storage.Log;

/// <summary>
/// Reads the remaining frames of a damaged log, going on after damage, to tell which groups may have lost
/// entries. Frames are numbered, so gaps are known; the next entry of a group after a gap bounds what the
/// group had there. Changes nothing. Used once.
/// </summary>
internal sealed class LogSurvey(FrameOpener opener)
{
    // The first and the newest entry of each group so far.
    private readonly Dictionary<uint, ulong> _first = [];
    private readonly Dictionary<uint, ulong> _last = [];
    private readonly SortedDictionary<uint, (ulong From, ulong To)> _lost = [];

    // Groups without an entry since the last gap.
    private readonly HashSet<uint> _open = [];
    private bool _isBehindHole;

    // Frames may be missing here; the number of the next frame tells. After the last frame it stays open.
    private bool _mayBeHole;
    private ulong _sequence;
    private ulong _trimmedBelow = 1;

    // The segment that the last frame of the one before names.
    private ulong _continuedIn;

    /// <summary>The entries that the log in this folder may have lost.</summary>
    public static LogLosses Of(SegmentFiles files)
    {
        using var opener = new FrameOpener(files.Files.Keys);
        var survey = new LogSurvey(opener);
        ulong next = 0;
        var segments = files.List();
        foreach (var segment in segments)
        {
            survey._mayBeHole |= next != 0 && segment.Number != next;
            next = segment.Number + 1;
            survey.Read(files, segment);
        }

        if (survey._mayBeHole || survey._continuedIn >= next || survey.EndsBeforeMark(files))
            survey.Hole();
        foreach (var group in survey._open)
            survey.Lose(group, survey._last[group] + 1, ulong.MaxValue);
        if (segments.Count > 0 && segments[0].Number > survey._trimmedBelow)
            survey.LoseBefore();
        return new LogLosses(
            survey._lost, survey._last.Keys.Where(group => !survey._lost.ContainsKey(group)).ToHashSet());
    }

    private void Read(SegmentFiles files, Segment segment)
    {
        try
        {
            ReadFrames(ReadableParts.Read(files.Files, segment.Path), segment);
        }
        catch (IOException error) when (DiskErrors.KindOf(error) != DiskErrorKind.OtherKey)
        {
            _mayBeHole = true;
        }
    }

    private void ReadFrames(ReadableParts parts, Segment segment)
    {
        var position = RecordFormat.SegmentHeaderBytes;
        for (var at = position; at < parts.Bytes.Length;)
        {
            if (!RecordFormat.TryReadFrameHeader(parts.Bytes, segment.Number, at, out var header) ||
                !RecordFormat.TryReadBody(parts.Bytes, at, header, out var body))
            {
                at += RecordFormat.Alignment;
                continue;
            }

            if (_sequence == 0 ? _mayBeHole || at > position : header.Sequence != _sequence + 1)
                Hole();
            (_sequence, _mayBeHole) = (header.Sequence, false);
            ReadEntries(opener.Open(body, header, segment.Number, at, segment.Path));
            at += RecordFormat.FrameBytes(body.Length);
            position = at;
        }

        // A file shorter than its header says has lost its end.
        var isCut = !RecordFormat.TryReadSegmentHeader(parts.Bytes, out var made)
            || parts.Bytes.Length < made.Length;
        _mayBeHole |= isCut || parts.Gaps.Any(gap => gap.End > position);
    }

    private bool EndsBeforeMark(SegmentFiles files)
    {
        try
        {
            return EndMark.Read(files.Files, files.Folder) is not { } mark || mark.Sequence > _sequence;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private void ReadEntries(ReadOnlySpan<byte> body)
    {
        var records = new RecordReader(body);
        while (records.MoveNext())
        {
            if (records.Kind == RecordFormat.Trim)
                _trimmedBelow = Math.Max(_trimmedBelow, records.Number);
            if (records.Kind == RecordFormat.Continued)
                _continuedIn = records.Number;
            if (records.Kind != RecordFormat.Entry)
                continue;
            // An entry with an older index replaces the entries from there on: those were not needed.
            var isFirst = _first.TryAdd(records.Group, records.Number) && _isBehindHole;
            if (_open.Remove(records.Group) || isFirst)
                Lose(records.Group, _last.GetValueOrDefault(records.Group) + 1, records.Number - 1);
            _last[records.Group] = records.Number;
        }
    }

    private void Hole()
    {
        _isBehindHole = true;
        _open.UnionWith(_last.Keys);
    }

    // The oldest segments are missing although they were still needed.
    private void LoseBefore()
    {
        foreach (var (group, first) in _first)
            Lose(group, 1, first - 1);
    }

    private void Lose(uint group, ulong from, ulong to)
    {
        if (from > to)
            return;
        if (_lost.TryGetValue(group, out var lost))
            (from, to) = (Math.Min(from, lost.From), Math.Max(to, lost.To));
        _lost[group] = (from, to);
    }
}
