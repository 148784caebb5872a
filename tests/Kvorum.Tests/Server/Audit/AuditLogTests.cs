using System.Text;
using System.Text.Json;
using Kvorum.Server;
using Kvorum.Server.Audit;
using Kvorum.Server.Certificates;
using Kvorum.Tests.Server.Listeners;

namespace Kvorum.Tests.Server.Audit;

/// <summary>The file of the audit log: its lines, its bounds, and a disk that fails.</summary>
public sealed class AuditLogTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kvorum-audit-").FullName;
    private readonly KeptLines _log = new();

    private string Place => Path.Combine(_folder, "audit.log");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void An_event_is_a_line_of_JSON_with_who_what_and_why()
    {
        using (var audit = Open())
        {
            audit.Record(new AuditEvent("drop_keyspace", AuditResult.Refused)
            {
                Via = "grpc",
                On = "keyspace orders",
                Reason = "it is needed",
                Attempts = 3,
                Key = "k"u8.ToArray(),
                Change = "{\"action\": \"drop_keyspace\"}"u8.ToArray(),
            }.Of(
                new(IdentityMeans.Certificate, new(CertificateRole.Client, "alice")),
                new System.Net.IPEndPoint(System.Net.IPAddress.Parse("::ffff:10.1.2.3"), 77)));
        }

        var line = Assert.Single(Lines());
        Assert.StartsWith("{\"time\":\"", line, StringComparison.Ordinal);
        var told = JsonDocument.Parse(line).RootElement;
        Assert.Equal(1, told.GetProperty("seq").GetInt64());
        Assert.Equal(
            "node-1|client alice|certificate|grpc|10.1.2.3:77|drop_keyspace|keyspace orders|k|refused|"
            + "it is needed",
            string.Join('|', new[] { "node", "who", "by", "via", "from", "action", "on", "key", "result",
                "reason" }.Select(name => told.GetProperty(name).GetString())));
        Assert.Equal(3, told.GetProperty("attempts").GetInt32());
        Assert.Equal("drop_keyspace", told.GetProperty("change").GetProperty("action").GetString());
    }

    /// <summary>Whatever names and keys hold, there is one line for each event, and it is ASCII.</summary>
    [Fact]
    public void Names_and_keys_cannot_forge_a_line()
    {
        string[] names =
        [
            "a\n{\"action\":\"forged\"}", "a\r\nb", "\"},{\"", "\u2028\u2029\u0085", "\u001b[2J", "\0",
            "\ud800 half a pair", "right \u202e to left", new('x', 100_000), "\\", "\u00e9",
        ];
        byte[][] keys = [[0xff, 0xfe, 10], [10, 13, 0], "{\"a\":1}\n"u8.ToArray(), new byte[5000], []];
        using (var audit = Open())
        {
            foreach (var name in names)
                audit.Record(new("log_in", AuditResult.Ok)
                {
                    Who = name,
                    On = name,
                    Reason = name,
                    From = name,
                });
            foreach (var key in keys)
                audit.Record(new("get", AuditResult.Ok) { Key = key });
        }

        var lines = Lines();
        Assert.Equal(names.Length + keys.Length, lines.Length);
        Assert.All(lines, static line =>
        {
            Assert.All(line, static unit => Assert.InRange(unit, ' ', '~'));
            Assert.InRange(line.Length, 1, 40_000);
            Assert.NotEqual("forged", JsonDocument.Parse(line).RootElement.GetProperty("action").GetString());
        });
        Assert.Equal(names[1], JsonDocument.Parse(lines[1]).RootElement.GetProperty("who").GetString());
        var first = JsonDocument.Parse(lines[names.Length]).RootElement;
        Assert.Equal(keys[0], first.GetProperty("key_base64").GetBytesFromBase64());
        Assert.Equal(
            "{\"a\":1}\n",
            JsonDocument.Parse(lines[names.Length + 2]).RootElement.GetProperty("key").GetString());
    }

    [Fact]
    public void Files_are_private_and_older_ones_are_kept_up_to_a_bound()
    {
        using (var audit = Open(new(FileBytesMax: 4096, FilesMax: 3)))
        {
            for (var n = 0; n < 200; n++)
            {
                audit.Record(new("get", AuditResult.Ok) { Reason = new('x', 500) });
                while (audit.Written <= n)
                    Thread.Yield();
            }
        }

        Assert.Equal(
            ["audit.log", "audit.log.1", "audit.log.2"],
            Directory.GetFiles(_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        long[] numbers = [.. new[] { Place + ".2", Place + ".1", Place }.SelectMany(File.ReadAllLines)
            .Select(static line => JsonDocument.Parse(line).RootElement.GetProperty("seq").GetInt64())];
        Assert.Equal(200, numbers[^1]);
        Assert.Equal(Enumerable.Range((int)numbers[0], numbers.Length).Select(static n => (long)n), numbers);
        Assert.All(Directory.GetFiles(_folder), static file =>
        {
            Assert.InRange(new FileInfo(file).Length, 1, 4096);
            if (!OperatingSystem.IsWindows())
                Assert.Equal(
                    UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        });
    }

    [Fact]
    public void A_line_that_was_cut_by_a_crash_ends_and_the_file_goes_on()
    {
        File.WriteAllText(Place, "{\"time\":\"2026\"}\n{\"tim");
        using (var audit = Open())
            audit.Record(new("log_in", AuditResult.Ok));
        var lines = Lines();
        Assert.Equal(["{\"time\":\"2026\"}", "{\"tim"], lines[..2]);
        Assert.Contains("log_in", Assert.Single(lines[2..]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_moved_away_or_cut_by_others_begins_anew()
    {
        using var audit = Open();
        audit.Record(new("first", AuditResult.Ok));
        await Eventually.Holds(() => audit.Written == 1);
        File.Move(Place, Place + ".kept");
        audit.Record(new("second", AuditResult.Ok));
        await Eventually.Holds(() => audit.Written == 2);
        audit.Dispose();
        Assert.Contains("second", Assert.Single(Lines()), StringComparison.Ordinal);
        Assert.Contains("first", File.ReadAllText(Place + ".kept"), StringComparison.Ordinal);
    }

    /// <summary>Two nodes that write one file would cut each other's lines.</summary>
    [Fact]
    public void A_file_belongs_to_one_node()
    {
        using var audit = Open();
        Assert.ThrowsAny<IOException>(() => Open());
        Assert.ThrowsAny<IOException>(() => new AuditLog(
            Path.Combine(_folder, "none", "audit.log"), "n", TimeProvider.System, _log));
    }

    /// <summary>Half a line is not left behind, what waits is written later, losses are told.</summary>
    [Fact]
    public async Task A_full_disk_holds_nobody_up_and_loses_nothing_in_silence()
    {
        var disk = new FullDisk(Place);
        using var audit = new AuditLog(
            Place, "node-1", TimeProvider.System, _log, new(QueueMax: 100), _ => disk);
        audit.Record(new("before", AuditResult.Ok));
        await Eventually.Holds(() => audit.Written == 1);
        disk.IsFull = true;
        audit.Record(new("at_the_bound", AuditResult.Ok));
        await Eventually.Holds(() => audit.HealthIssue is not null);
        Assert.Contains("No space left", audit.HealthIssue, StringComparison.Ordinal);
        // One batch of the thread and the queue wait; the rest is counted.
        for (var n = 0; n < 100_000; n++)
            audit.Record(new("waits", AuditResult.Ok) { Reason = new('x', 200) });
        Assert.True(audit.Lost > 0);
        Assert.Contains("are lost", audit.HealthIssue, StringComparison.Ordinal);
        Assert.Equal(1, audit.Written);
        disk.IsFull = false;
        var lost = audit.Lost;
        await Eventually.Holds(() => audit.Written == 100_002 - lost + 1);
        Assert.Equal(lost, audit.Lost);
        Assert.Contains(
            $"{lost} event(s) are missing in --audit-log", audit.HealthIssue, StringComparison.Ordinal);
        audit.Dispose();
        var lines = Lines();
        Assert.Equal(audit.Written, lines.Length);
        Assert.All(lines, static line => JsonDocument.Parse(line));
        Assert.Contains("at_the_bound", lines[1], StringComparison.Ordinal);
        var told = Assert.Single(
            lines, static line => line.Contains("audit_events_lost", StringComparison.Ordinal));
        Assert.Contains($"{lost} event(s)", told, StringComparison.Ordinal);
        Assert.Contains(_log.Lines, static line =>
            line.Text.Contains("cannot be written", StringComparison.Ordinal));
        Assert.Contains(_log.Lines, static line =>
            line.Text.Contains("is written again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_disk_that_is_full_to_the_end_is_told_of_at_the_end()
    {
        var disk = new FullDisk(Place) { IsFull = true };
        var audit = new AuditLog(Place, "node-1", TimeProvider.System, _log, open: _ => disk);
        audit.Record(new("lost", AuditResult.Ok));
        await Eventually.Holds(() => audit.HealthIssue is not null);
        audit.Dispose();
        Assert.Contains(_log.Lines, static line =>
            line.Text.Contains("1 event(s) could not be written", StringComparison.Ordinal));
        audit.Record(new("late", AuditResult.Ok));
        Assert.Equal(1, audit.Lost);
    }

    private AuditLog Open(AuditBounds? bounds = null) =>
        new(Place, "node-1", TimeProvider.System, _log, bounds);

    private string[] Lines() => Encoding.ASCII.GetString(File.ReadAllBytes(Place))
        .Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Takes half of each write while it is full, as disks do.</summary>
    private sealed class FullDisk : MemoryStream
    {
        private readonly string _path;

        public FullDisk(string path) => File.WriteAllBytes(_path = path, []);

        public bool IsFull { get; set; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (!IsFull)
            {
                base.Write(buffer);
                File.WriteAllBytes(_path, ToArray());
                return;
            }

            base.Write(buffer[..(buffer.Length / 2)]);
            throw new IOException("No space left on device");
        }
    }
}
