using System.Text;

namespace Kvorum.Cli.OwnProcess;

/// <summary>
/// Where a command prints: text in UTF-8, line by line, or bytes. Writing never throws; what could not be
/// printed is told at the end. Safe for use by several threads, line by line.
/// </summary>
internal sealed class CommandOutput : StreamWriter
{
    private readonly StandardStream? _standard;
    private readonly Lock _gate = new();

    /// <summary>Prints to a stream that does not fail.</summary>
    public CommandOutput(Stream stream)
        : base(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false))
    {
        AutoFlush = true;
        _standard = stream as StandardStream;
    }

    /// <summary>Standard output, or a stand-in that is remembered as closed.</summary>
    public static CommandOutput Standard() => new(new StandardStream(1));

    /// <summary>Standard error.</summary>
    public static CommandOutput Errors() => new(new StandardStream(2));

    /// <summary>Why not all was printed; null if it was, or its reader wanted no more.</summary>
    public string? Failure => _standard?.Failure;

    /// <summary>True if nothing more can be printed.</summary>
    public bool IsBroken => _standard?.IsBroken == true;

    /// <summary>Prints bytes as they are.</summary>
    public void WriteBytes(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
            BaseStream.Write(bytes);
    }

    /// <summary>Prints lines with one write.</summary>
    public void WriteLines(IEnumerable<string> lines) =>
        Write(string.Concat(lines.Select(static line => $"{line}\n")));

    public override void Write(string? value)
    {
        lock (_gate)
            base.Write(value);
    }

    public override void WriteLine(string? value) => Write($"{value}{NewLine}");

    public override Task WriteLineAsync(string? value)
    {
        WriteLine(value);
        return Task.CompletedTask;
    }
}
