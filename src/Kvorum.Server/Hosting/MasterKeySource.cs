using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Kvorum.Storage.Encryption;
using Kvorum.Storage.Keys;

namespace Kvorum.Server.Hosting;

/// <summary>
/// Where master keys come from: files, or what a command prints. A key is 32 bytes in hexadecimal digits or
/// base64; several are one a line, the newest first.
/// </summary>
public static class MasterKeySource
{
    /// <summary>How long a command may take.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private const int BytesMax = 16 << 10;
    private const int KeysMax = 64;

    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite
        | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite
        | UnixFileMode.OtherExecute;

    /// <summary>
    /// What the flags give; <see cref="FolderKeys.None"/> if they give nothing. A <see cref="KeyException"/>
    /// says what is wrong with which.
    /// </summary>
    /// <param name="files">--master-key-file: paths with commas between, the newest first.</param>
    /// <param name="command">--master-key-command.</param>
    /// <param name="encrypts">True if what is written is to be encrypted.</param>
    public static FolderKeys Load(string files, string command, bool encrypts)
    {
        if (files.Length > 0 && command.Length > 0)
            throw new KeyException("--master-key-file and --master-key-command: give one of them");
        var keys = command.Length > 0 ? Parse(Run(command), $"--master-key-command {command}")
            : Paths(files).SelectMany(static path => Parse(Read(path), $"--master-key-file {path}"))
                .ToArray();
        return keys.Length == 0 ? FolderKeys.None
            : new(keys, encrypts, static into => RandomNumberGenerator.Fill(into));
    }

    private static string[] Paths(string files) =>
        files.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static string Read(string path)
    {
        try
        {
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & Others) != 0)
                throw new KeyException(
                    $"--master-key-file {path}: others than its owner may read or change it: chmod 600 "
                    + path);
            using var file = File.OpenRead(path);
            return ReadAll(file, $"--master-key-file {path}");
        }
        catch (Exception e) when (e is IOException and not KeyException or UnauthorizedAccessException)
        {
            throw new KeyException($"--master-key-file {path}: it cannot be read: {e.Message}");
        }
    }

    // No shell: the words are separated by blanks, the first one is the program.
    private static string Run(string command)
    {
        var words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var start = new ProcessStartInfo(words.Length > 0 ? words[0] : "")
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        foreach (var word in words.Skip(1))
            start.ArgumentList.Add(word);
        try
        {
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            var output = Task.Run(() => ReadAll(
                process.StandardOutput.BaseStream, $"--master-key-command {command}"));
            var isDone = output.Wait(Patience) && process.WaitForExit(Patience);
            if (!isDone)
                process.Kill(entireProcessTree: true);
            return !isDone ? throw Failed($"it was ended after {Patience.TotalSeconds} s")
                : process.ExitCode == 0 ? output.Result : throw Failed($"it ended with {process.ExitCode}");
        }
        catch (AggregateException e) when (e.InnerException is IOException failure)
        {
            throw new KeyException(failure.Message);
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException)
        {
            throw Failed($"it cannot be run: {e.Message}");
        }

        KeyException Failed(string what) => new(
            $"--master-key-command {command}: {what}. It is run without a shell: the first word is the "
            + "program, the others its arguments; it prints the key and ends with 0");
    }

    private static string ReadAll(Stream from, string source)
    {
        var bytes = new byte[BytesMax + 1];
        var count = from.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return count <= BytesMax ? Encoding.ASCII.GetString(bytes, 0, count)
            : throw new KeyException($"{source}: more than {BytesMax} bytes are no master key");
    }

    private static MasterKey[] Parse(string text, string source)
    {
        var lines = text.Split(
            ['\n', '\r'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length is 0 or > KeysMax)
            throw new KeyException($"{source}: {lines.Length} lines: give 1 to {KeysMax} keys, one a line");
        return [.. lines.Select((line, at) => ParseLine(line) ?? throw new KeyException(
            $"{source}: line {at + 1} is no key: give 32 bytes in 64 hexadecimal digits or in base64, such "
            + "as head -c 32 /dev/urandom | base64 makes"))];
    }

    // Says nothing of the line: it may be nearly a key.
    private static MasterKey? ParseLine(string line)
    {
        Span<byte> key = stackalloc byte[MasterKey.Bytes + 1];
        if (line.Length == 2 * MasterKey.Bytes && line.All(char.IsAsciiHexDigit))
            return new(Convert.FromHexString(line));
        return Convert.TryFromBase64String(line, key, out var count) && count == MasterKey.Bytes
            ? new(key[..count]) : null;
    }
}
