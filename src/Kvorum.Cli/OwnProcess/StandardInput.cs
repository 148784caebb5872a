using Kvorum.Cli.CommandLine;

namespace Kvorum.Cli.OwnProcess;

/// <summary>Bytes from standard input.</summary>
internal static class StandardInput
{
    /// <summary>
    /// All of it, to its end. <see cref="CommandException"/> if it cannot be read, or has more bytes than
    /// that.
    /// </summary>
    public static async Task<byte[]> Read(int bytesMax, CancellationToken cancel)
    {
        if (!StandardStream.IsOpen(0))
            throw new CommandException("standard input is closed: nothing was done", ExitCode.Usage);
        await using var stdin = Console.OpenStandardInput();
        using var bytes = new MemoryStream();
        var piece = new byte[64 << 10];
        try
        {
            while (await stdin.ReadAsync(piece, cancel).ConfigureAwait(false) is > 0 and var count)
            {
                bytes.Write(piece, 0, count);
                if (bytes.Length > bytesMax)
                {
                    throw new CommandException(
                        $"standard input has more than {bytesMax} bytes, the most that a value may have: "
                        + "nothing was done", ExitCode.Usage);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"standard input: {e.Message}: nothing was done", ExitCode.NotOk);
        }

        return bytes.ToArray();
    }
}
