using System.Runtime.InteropServices;

namespace Kvorum.Cli.OwnProcess;

/// <summary>
/// Standard output or standard error, to write to. A failed write is remembered, not thrown: what a command
/// has done stays done when its output cannot be written, and a node serves on when its log cannot be
/// written. The console's own stream throws, or is silent about a reader that has gone.
/// </summary>
internal sealed partial class StandardStream(int number) : Stream
{
    private const int BrokenPipe = 32;
    private const int Interrupted = 4;
    private const int TryAgainOnLinux = 11;
    private const int TryAgainElsewhere = 35;
    private const short ReadyToWrite = 4;
    private const int GetDescriptorFlags = 1;
    private const int CloseOnExec = 1;

    private readonly Stream? _console = !OperatingSystem.IsWindows() ? null
        : number == 1 ? Console.OpenStandardOutput() : Console.OpenStandardError();

    /// <summary>
    /// The first failure, in the system's words; null if all was written, or the reader has gone.
    /// </summary>
    public string? Failure { get; private set; }

    /// <summary>True if nothing more can be written: it failed, or the reader has gone.</summary>
    public bool IsBroken { get; private set; }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>
    /// False if the caller closed it before it started this program. The runtime's own files may have its
    /// number then; those are not passed on to programs that a process becomes, what is inherited is.
    /// </summary>
    public static bool IsOpen(int number)
    {
        if (OperatingSystem.IsWindows())
            return true;
        var flags = Control(number, GetDescriptorFlags);
        return flags >= 0 && (flags & CloseOnExec) == 0;
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (_console is not null)
            WriteToConsole(buffer);
        else if (!IsOpen(number))
            Fail("it is closed");
        else
            WriteAll(buffer);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private void WriteAll(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var done = WriteSome(number, bytes, bytes.Length);
            if (done >= 0)
            {
                bytes = bytes[(int)done..];
                continue;
            }

            switch (Marshal.GetLastPInvokeError())
            {
                case Interrupted:
                    break;
                case BrokenPipe:
                    IsBroken = true;
                    return;
                // Another process has made the file description that we share non-blocking.
                case TryAgainOnLinux when OperatingSystem.IsLinux():
                case TryAgainElsewhere when !OperatingSystem.IsLinux():
                    var wait = new Waiting { Number = number, Wanted = ReadyToWrite };
                    _ = Wait(ref wait, 1, -1);
                    break;
                case var error:
                    Fail(Marshal.GetPInvokeErrorMessage(error));
                    return;
            }
        }
    }

    private void WriteToConsole(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _console!.Write(bytes);
        }
        catch (IOException e)
        {
            Fail(e.Message);
        }
    }

    private void Fail(string why) => (Failure, IsBroken) = (Failure ?? why, true);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteSome(int file, ReadOnlySpan<byte> bytes, nint count);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Wait(ref Waiting files, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int file, int command);

    [StructLayout(LayoutKind.Sequential)]
    private struct Waiting
    {
        public int Number;
        public short Wanted;
        public short Found;
    }
}
