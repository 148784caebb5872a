using System.Runtime.InteropServices;
using Kvorum.Cli.CommandLine;

namespace Kvorum.Cli.Commands;

/// <summary>
/// Ctrl-C, SIGTERM and SIGHUP (the terminal was closed): the first asks for a clean end. Another Ctrl-C or
/// SIGTERM ends the process at once.
/// </summary>
internal sealed class EndSignals : IDisposable
{
    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;
    private readonly CancellationTokenSource _cancel = new();

    public EndSignals() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, Take),
        PosixSignalRegistration.Create(PosixSignal.SIGINT, Take),
        PosixSignalRegistration.Create(PosixSignal.SIGHUP, Take),
    ];

    /// <summary>Completes at the first signal.</summary>
    public Task First => _first.Task;

    /// <summary>Cancelled at the first signal.</summary>
    public CancellationToken Token => _cancel.Token;

    /// <summary>
    /// The end of standard input counts as a signal too: the process that started this one is gone.
    /// </summary>
    public void WatchStdin() => new Thread(() =>
    {
        using var stdin = Console.OpenStandardInput();
        while (stdin.ReadByte() >= 0)
        {
        }

        End();
    })
    { IsBackground = true, Name = "kvorum-stdin" }.Start();

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _cancel.Dispose();
    }

    private void Take(PosixSignalContext context)
    {
        context.Cancel = true;
        // A terminal that is closed sends several at once, by the kernel and by its shell.
        if (_first.Task.IsCompleted && context.Signal != PosixSignal.SIGHUP)
            Environment.Exit(ExitCode.NotOk);
        End();
    }

    private void End()
    {
        _first.TrySetResult();
        _cancel.Cancel();
    }
}
