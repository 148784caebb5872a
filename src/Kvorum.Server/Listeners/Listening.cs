using System.Net;
using System.Net.Sockets;

namespace Kvorum.Server.Listeners;

/// <summary>How this node takes ports.</summary>
internal static class Listening
{
    /// <summary>
    /// Takes the port and does not listen yet: nothing connects, and neither another listener nor an outgoing
    /// connection gets it. <see cref="SocketException"/> if it cannot be had.
    /// </summary>
    public static Socket Bind(IPEndPoint endpoint)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endpoint.Address.Equals(IPAddress.IPv6Any))
                socket.DualMode = true;
            socket.Bind(endpoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
