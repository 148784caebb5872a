using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Listeners;

/// <summary>
/// The log lines that connections can cause, whatever they send, at whatever port of the node: one for each
/// address and minute; the number of those held back follows. Any thread.
/// </summary>
internal sealed class SourceLines(ILogger log, TimeProvider time)
{
    /// <summary>More sources at once than this tell nothing more to an operator.</summary>
    private const int SourcesMax = 1024;

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly LineLimiter _limiter = new((long)Interval.TotalMilliseconds, SourcesMax);
    private readonly Lock _gate = new();
    private bool _isWaiting;

    /// <summary>
    /// True if a line about a connection from there may be written; <paramref name="note"/> belongs at its
    /// end.
    /// </summary>
    public bool MayWrite(EndPoint? remote, out string note) => MayWrite(Name(remote), out note);

    /// <summary>As the other one, for a source by its name.</summary>
    public bool MayWrite(string source, out string note)
    {
        LineVerdict verdict;
        bool waits;
        lock (_gate)
        {
            verdict = _limiter.Admit(source, NowMs());
            waits = !_isWaiting;
            _isWaiting = true;
        }

        note = verdict.HeldBack == 0 ? "" : string.Create(CultureInfo.InvariantCulture,
            $" ({verdict.HeldBack} more lines about {verdict.Source} were held back before)");
        if (waits)
            _ = TellLater();
        return verdict.IsWritten;
    }

    /// <summary>
    /// What a source is called: its address without the port. Of IPv6 the first half: one machine has all
    /// addresses of that network.
    /// </summary>
    internal static string Name(EndPoint? remote)
    {
        if (remote is not IPEndPoint { Address: var address })
            return "an unknown address";
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        if (address.AddressFamily != AddressFamily.InterNetworkV6 || IPAddress.IsLoopback(address))
            return address.ToString();
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return $"{new IPAddress(bytes)}/64";
    }

    /// <summary>
    /// What faults of the node are called that show while it serves a source: they and what is wrong with the
    /// source do not hide each other.
    /// </summary>
    internal static string FaultsOf(EndPoint? remote) => $"{Name(remote)}, faults";

    private async Task TellLater()
    {
        var isQuiet = false;
        while (!isQuiet)
        {
            await Task.Delay(Interval, time).ConfigureAwait(false);
            IReadOnlyList<(string Source, int HeldBack)> told;
            lock (_gate)
            {
                told = _limiter.TakeHeldBack(NowMs());
                isQuiet = _limiter.SourceCount == 0;
                _isWaiting = !isQuiet;
            }

            foreach (var (source, count) in told)
                Log.LinesHeldBack(log, count, source);
        }
    }

    private long NowMs() => (long)time.GetElapsedTime(0).TotalMilliseconds;
}
