using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Kvorum.Tests.Cli;

/// <summary>The built program as a process of its own, killed at the end if it still runs.</summary>
internal sealed partial class KvorumProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();

    private KvorumProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        process.ErrorDataReceived += (_, line) => Append(_errors, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>
    /// The program: the precompiled one if ./test has built it, else the one beside the tests.
    /// </summary>
    public static string Program { get; } = Environment.GetEnvironmentVariable("KVORUM_TEST_PROGRAM")
        ?? Path.Combine(AppContext.BaseDirectory, "kvorum");

    public string Output => Text(_output);

    public string Errors => Text(_errors);

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Starts the program.</summary>
    public static KvorumProcess Start(params string[] args) =>
        StartProgram(Program, args);

    /// <summary>Starts another build of the program.</summary>
    public static KvorumProcess StartProgram(string program, params string[] args)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var arg in args)
            start.ArgumentList.Add(arg);
        return new(Process.Start(start)!);
    }

    /// <summary>
    /// Starts the program in a folder, where it is at home too: <c>home</c> and <c>tmp</c> in it are the
    /// user's and that of passing files.
    /// </summary>
    public static KvorumProcess StartIn(string folder, params string[] args)
    {
        var start = new ProcessStartInfo(Program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = folder,
        };
        foreach (var (variable, name) in new[] { ("HOME", "home"), ("TMPDIR", "tmp") })
            start.Environment[variable] = Directory.CreateDirectory(Path.Combine(folder, name)).FullName;
        foreach (var arg in args)
            start.ArgumentList.Add(arg);
        return new(Process.Start(start)!);
    }

    /// <summary>Starts the program with a bound of open files, soft and hard.</summary>
    public static KvorumProcess StartWithFiles(int most, params string[] args)
    {
        var start = new ProcessStartInfo("/bin/sh")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var arg in new[] { "-c", $"ulimit -n {most}; exec \"$0\" \"$@\"", Program }.Concat(args))
            start.ArgumentList.Add(arg);
        return new(Process.Start(start)!);
    }

    /// <summary>Runs the program to its end.</summary>
    public static Task<(int Code, string Output, string Errors)> Run(params string[] args) => Run(30, args);

    /// <summary>As the other, with a patience of its own.</summary>
    public static async Task<(int Code, string Output, string Errors)> Run(int seconds, params string[] args)
    {
        await using var process = Start(args);
        process._process.StandardInput.Close();
        var code = await process.Exit(seconds);
        return (code, process.Output, process.Errors);
    }

    /// <summary>Ports for listeners, below those that systems give to outgoing connections.</summary>
    public static int[] FreePorts(int count)
    {
        List<int> free = [];
        for (var port = Random.Shared.Next(10_000, 19_000); free.Count < count; port++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                free.Add(port);
            }
            catch (SocketException) when (port < 30_000)
            {
            }
        }

        return [.. free];
    }

    public async Task<int> Exit(int seconds = 30)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        try
        {
            await _process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"still running after {seconds} s; it said:\n{Output}{Errors}");
        }

        return _process.ExitCode;
    }

    /// <summary>Waits for a line of the log.</summary>
    public Task Says(string text, int seconds = 30) => Eventually.Holds(() =>
    {
        Assert.False(HasExited, $"ended without saying '{text}':\n{Output}{Errors}");
        return Output.Contains(text, StringComparison.Ordinal);
    }, seconds, $"the log says '{text}'");

    public void Terminate() => Assert.Equal(0, Signal(_process.Id, 15));

    /// <summary>SIGHUP: what a terminal that is closed sends.</summary>
    public void HangUp() => Assert.Equal(0, Signal(_process.Id, 1));

    public void Kill() => _process.Kill();

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static void Append(StringBuilder text, string? line)
    {
        if (line is null)
            return;
        lock (text)
            text.Append(line).Append('\n');
    }

    private static string Text(StringBuilder text)
    {
        lock (text)
            return text.ToString();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int pid, int signal);
}

/// <summary>Where a server of a test lives.</summary>
internal sealed record ServerPlace(string Folder, int Client, int Http, int Peer) : IDisposable
{
    public string Addr => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Client}");

    public string HttpAddr => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Http}");

    public string PeerAddr => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Peer}");

    public string[] Flags =>
        ["--addr", Addr, "--http-addr", HttpAddr, "--peer-addr", PeerAddr, "--data", Folder];

    public static ServerPlace[] Free(int count)
    {
        var ports = KvorumProcess.FreePorts(count * 3);
        return
        [
            .. Enumerable.Range(0, count).Select(n => new ServerPlace(
                Directory.CreateTempSubdirectory("kvorum-test-").FullName, ports[n * 3], ports[(n * 3) + 1],
                ports[(n * 3) + 2])),
        ];
    }

    /// <summary>The disk is lost, and there is a new one.</summary>
    public void Empty()
    {
        Directory.Delete(Folder, recursive: true);
        Directory.CreateDirectory(Folder);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
