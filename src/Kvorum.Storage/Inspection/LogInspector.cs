using Kvorum.Storage.Files;
using Kvorum.Storage.Log;

namespace Kvorum.Storage.Inspection;

/// <summary>
/// Reads a shared log that is not open, and changes nothing. <see cref="Inspect"/> reads every frame, also
/// those after damage; <see cref="Replay"/> reads as a start does and stops where a start would. One thread.
/// </summary>
public static class LogInspector
{
    /// <summary>
    /// Replays the log as <see cref="SharedLog.Open"/> does before it changes anything. A
    /// <see cref="LogDamagedException"/> if a start would refuse it.
    /// </summary>
    public static LogRecovery Replay(IFileSystem files, string folder, ILogReplay replay)
    {
        using var recoverer = new LogRecoverer(new SegmentFiles(files, folder), replay);
        recoverer.Read();
        return recoverer.Report;
    }

    /// <summary>
    /// One finding per segment, one per damaged stretch, one for the verdict of a start on the whole log, and
    /// one per leftover file.
    /// </summary>
    public static IReadOnlyList<Finding> Inspect(IFileSystem files, string folder)
    {
        List<Finding> findings = [];
        var segments = new SegmentFiles(files, folder).List();
        using var opener = new FrameOpener(files.Keys);
        foreach (var segment in segments)
            new SegmentInspection(files, segment, opener, findings).Run();
        var mark = $"{folder}/{EndMark.Name}";
        if (segments.Count > 0 || files.Exists(mark))
            findings.AddRange(Mark(files, folder, mark), Verdict(files, folder));
        HashSet<string> known = [mark, .. segments.Select(static segment => segment.Path)];
        foreach (var name in files.ListFiles(folder))
        {
            var path = $"{folder}/{name}";
            if (!known.Contains(path))
                findings.Add(new Finding(path, FindingKind.Note, LeftOver(name)));
        }

        return findings;
    }

    /// <summary>What a damaged log may have lost.</summary>
    public static LogLosses LossesOf(IFileSystem files, string folder) =>
        LogSurvey.Of(new SegmentFiles(files, folder));

    private static Finding Mark(IFileSystem files, string folder, string path)
    {
        try
        {
            return EndMark.Read(files, folder) is { } end
                ? new Finding(
                    path, FindingKind.Sound,
                    $"the log was durable up to frame {end.Sequence} when this was written")
                : new Finding(path, FindingKind.Damage, "the file is missing");
        }
        catch (IOException e)
        {
            return new Finding(path, FindingKind.Damage, e.Message);
        }
    }

    private static Finding Verdict(IFileSystem files, string folder)
    {
        using var recoverer = new LogRecoverer(new SegmentFiles(files, folder), new NoReplay());
        try
        {
            recoverer.Read();
        }
        catch (LogDamagedException e)
        {
            return new Finding(folder, FindingKind.Damage, $"a start refuses this log: {e.Message}");
        }

        var found = recoverer.Report;
        var whole = $"{found.Records} records in {found.Segments} segments, {found.Bytes} bytes of frames";
        return found.CutBytes == 0
            ? new Finding(folder, FindingKind.Sound, $"{whole}; the log ends cleanly")
            : new Finding(
                folder, FindingKind.Note,
                $"{whole}; a start cuts {found.CutBytes} bytes of an unfinished write at offset " +
                $"{recoverer.Active!.Position} of {recoverer.Active.Path}, which was never acknowledged");
    }

    private static string LeftOver(string name) => name.EndsWith(".new", StringComparison.Ordinal)
        ? "an unfinished new segment; the next start removes it"
        : "not a file of the log; it is ignored";

    private sealed class NoReplay : ILogReplay
    {
        public void Entry(uint group, ulong index, ReadOnlySpan<byte> payload)
        {
        }

        public void State(uint group, ReadOnlySpan<byte> payload)
        {
        }
    }
}
