using System.Diagnostics;
using System.Text;

namespace Kvorum.Tests.Cli;

/// <summary>
/// The built program as a shell starts it, with whatever streams, bytes and rights it gives. In the script
/// <c>$K</c> is the program, and <c>k</c> asks the node at the test's address, with patience.
/// </summary>
internal static class Shell
{
    private const string Ask = """
        k() { "$K" "$1" --addr "$ADDR" --timeout 30s "${@:2}"; }

        """;

    /// <summary>Arguments are bytes: each U+0080 to U+00FF of the script is one.</summary>
    public static async Task<(int Code, string Output, string Errors)> Run(string script, string addr = "")
    {
        var file = Path.GetTempFileName();
        await File.WriteAllBytesAsync(file, Encoding.Latin1.GetBytes(Ask.ReplaceLineEndings("\n") + script));
        var start = new ProcessStartInfo("bash", [file])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.Latin1,
            StandardErrorEncoding = Encoding.Latin1,
        };
        start.Environment["K"] = KvorumProcess.Program;
        start.Environment["ADDR"] = addr;
        start.Environment.Remove("KVORUM_ADDR");
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"not done within three minutes: {script}\n{await output}{await errors}");
        }
        finally
        {
            File.Delete(file);
        }

        return (process.ExitCode, await output, await errors);
    }

    /// <summary>Runs it; the exit code and all that was said are as given.</summary>
    public static async Task Prints(int code, string output, string errors, string script, string addr = "")
    {
        var said = await Run(script, addr);
        Assert.Equal((code, output, errors), said);
    }
}
