using Kvorum.Storage.Inspection;
using Kvorum.Storage.Log;
using Kvorum.Tests.Storage.Log;

namespace Kvorum.Tests.Storage.Inspection;

public class LogInspectorTests
{
    private const string First = "log/0000000000000001.log";

    private readonly CrashFileSystem _disk = new();

    public LogInspectorTests()
    {
        var jobs = new PumpedJobs();
        _disk.CreateFolder("log");
        var options = new SharedLogOptions { SegmentBytes = 4096 };
        using var log = SharedLog.Open(_disk, "log", options, jobs, new ReplayedLog());
        for (ulong i = 1; i <= 60; i++)
        {
            var batch = new LogBatch();
            batch.AddEntry(1, i, new byte[100], default);
            log.Append(batch, static (_, _) => { });
            jobs.RunAll();
        }
    }

    [Fact]
    public void A_sound_log_is_told_segment_by_segment()
    {
        var findings = LogInspector.Inspect(_disk, "log");
        Assert.All(findings, finding => Assert.Equal(FindingKind.Sound, finding.Kind));
        // One for each segment, the mark, and all of it.
        var files = _disk.ListFiles("log").Count;
        Assert.True(files > 3);
        Assert.Equal(files + 1, findings.Count);
        Assert.Equal((First, "whole frames (1 to "), (findings[0].File, findings[0].Text[3..22]));
        Assert.Contains("60 records", findings[^1].Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_damaged_stretch_is_told_with_its_offset_and_a_start_agrees()
    {
        var bytes = _disk.ReadAll(First);
        bytes[40] ^= 1;
        bytes[1000] ^= 1;
        _disk.WriteAll(First, bytes);
        var damages = Damages();
        Assert.Equal(3, damages.Length);
        Assert.Contains("damaged at offset 32", damages[0], StringComparison.Ordinal);
        Assert.Contains("damaged at offset ", damages[1], StringComparison.Ordinal);
        Assert.Contains($"a start refuses this log: {First}: damaged at offset 32", damages[2],
            StringComparison.Ordinal);
        Assert.Equal(bytes, _disk.ReadAll(First));
    }

    [Fact]
    public void A_missing_segment_is_damage()
    {
        _disk.Delete("log/0000000000000002.log");
        Assert.Contains("0000000000000002.log: segment file is missing", Assert.Single(Damages()),
            StringComparison.Ordinal);
    }

    [Fact]
    public void An_unfinished_write_and_left_over_files_are_notes()
    {
        var last = _disk.ListFiles("log").Where(name => name != EndMark.Name)
            .Last(name => _disk.ReadAll($"log/{name}").AsSpan(32).ContainsAnyExcept((byte)0));
        var bytes = _disk.ReadAll($"log/{last}");
        var end = bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + 1;
        bytes.AsSpan(((end + 7) / 8 * 8) + 8, 16).Fill(9);
        _disk.WriteAll($"log/{last}", bytes);
        _disk.WriteAll("log/0000000000000099.new", [1]);
        Assert.Empty(Damages());
        string[] notes = [.. LogInspector.Inspect(_disk, "log")
            .Where(finding => finding.Kind == FindingKind.Note).Select(finding => finding.Text)];
        Assert.Contains(notes, note => note.Contains("a start cuts ", StringComparison.Ordinal));
        Assert.Contains(notes, note => note.Contains("an unfinished new segment", StringComparison.Ordinal));
    }

    private string[] Damages() => [.. LogInspector.Inspect(_disk, "log")
        .Where(finding => finding.Kind == FindingKind.Damage).Select(finding => finding.Text)];
}
