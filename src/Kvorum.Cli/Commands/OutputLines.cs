using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Kvorum.Cli.Commands;

/// <summary>
/// Many lines to standard output that end without a fuss when its reader does, as <c>head</c> does: the
/// console's own writer says nothing then, and the rest would be read for nobody.
/// </summary>
internal sealed class OutputLines : IAsyncDisposable
{
    // EPIPE, which is what the runtime gives as the result of such a failure on Unix.
    private const int BrokenPipe = 32;

    private readonly TextWriter _writer;
    private readonly bool _isOwn;

    /// <param name="output">Where lines go; if it is the console, past it to the process's own
    /// output.</param>
    public OutputLines(TextWriter output)
    {
        _isOwn = ReferenceEquals(output, Console.Out) && !OperatingSystem.IsWindows();
        _writer = _isOwn
            ? new StreamWriter(OwnOutput(),
                new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), 64 << 10)
            : output;
    }

    /// <summary>What went wrong, other than that the reader ended; null if nothing did.</summary>
    public string? Failure { get; private set; }

    /// <summary>
    /// Writes lines, all at once at the end; false if they cannot be written any more: see
    /// <see cref="Failure"/>.
    /// </summary>
    public async Task<bool> Write(IEnumerable<string> lines)
    {
        try
        {
            foreach (string line in lines)
                await _writer.WriteLineAsync(line).ConfigureAwait(false);
            await _writer.FlushAsync().ConfigureAwait(false);
            return true;
        }
        catch (IOException e) when (_isOwn)
        {
            Failure = e.HResult == BrokenPipe ? null : e.Message;
            return false;
        }
    }

    // A file has no reader that could end, and its position is shared with whoever else writes to it: a
    // stream of our own would keep one for itself.
    private static Stream OwnOutput()
    {
        var own = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        return own.CanSeek ? Console.OpenStandardOutput() : own;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_isOwn)
            return;
        try
        {
            await _writer.DisposeAsync().ConfigureAwait(false);
        }
        catch (IOException)
        {
            // Told by the write before.
        }
    }
}
