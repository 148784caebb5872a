using System.Net;
using System.Net.Sockets;
using Kvorum.Server.Listeners;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Hosting;

/// <summary>
/// Takes the ports of a server that starts. One that is in use is waited for: mostly an outgoing connection
/// has it, to which the kernel gave a port in the range of outgoing ones, or the server's former process ends
/// a moment later.
/// </summary>
/// <param name="patience">How long it waits, for all ports together.</param>
/// <param name="time">Clock.</param>
/// <param name="log">Where it tells that it waits, once for each port.</param>
internal sealed class PortTaker(TimeSpan patience, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly long _start = time.GetTimestamp();

    /// <summary>
    /// A socket bound to it, which does not listen yet. <see cref="ServerStartException"/> if there is none
    /// to be had.
    /// </summary>
    public async Task<Socket> Take(string flag, IPEndPoint endpoint, CancellationToken cancelled)
    {
        var isTold = false;
        while (true)
        {
            try
            {
                return Listening.Bind(endpoint);
            }
            catch (SocketException e) when (IsForLater(e))
            {
                if (!isTold)
                    Log.WaitsForPort(log, flag, endpoint, patience.TotalSeconds, endpoint.Port);
                isTold = true;
            }
            catch (SocketException e)
            {
                throw Endpoints.CannotListen(flag, endpoint, e.SocketErrorCode, e.Message);
            }

            await Task.Delay(Pause, time, cancelled).ConfigureAwait(false);
        }
    }

    private bool IsForLater(SocketException failure) =>
        failure.SocketErrorCode == SocketError.AddressAlreadyInUse && time.GetElapsedTime(_start) < patience;
}
