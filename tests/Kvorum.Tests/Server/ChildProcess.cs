using System.Diagnostics;
using Kvorum.Simulator;

namespace Kvorum.Tests.Server;

/// <summary>Runs a program to its end, for tests whose other side is not ours.</summary>
internal static class ChildProcess
{
    /// <summary>The repository's root: where the solution lies above the test's folder.</summary>
    public static string Root { get; } = SourceTree.Root;

    /// <summary>
    /// Runs it in <paramref name="folder"/> (from the root) and returns what it wrote; fails if it does not
    /// end with zero within the time. <paramref name="remedy"/> is said when the program is missing.
    /// </summary>
    public static async Task<string> RunAsync(
        string program, IEnumerable<string> arguments, string folder, string remedy, TimeSpan limit)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Path.Combine(Root, folder),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            throw new InvalidOperationException(
                $"{program} is missing ({missing.Message}): {remedy}", missing);
        }

        using (process)
        {
            var output = process.StandardOutput.ReadToEndAsync();
            var errors = process.StandardError.ReadToEndAsync();
            using var timeout = new CancellationTokenSource(limit);
            try
            {
                await process.WaitForExitAsync(timeout.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                Assert.Fail(
                    $"{program} did not end within {limit.TotalSeconds} s:\n{await output}\n{await errors}");
            }

            var said = await output + await errors;
            Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}; {remedy}\n{said}");
            return said;
        }
    }
}
