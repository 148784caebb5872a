using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Listeners;

/// <summary>
/// Which accepted connections are kept, of all listeners of a node: those whose descriptor leaves enough for
/// the node's own files. The kernel gives a socket the lowest free descriptor, so its number says how many
/// are in use, at least, and needs no count that could go wrong. Any thread.
/// </summary>
/// <param name="below">Descriptors from here on are the node's own.</param>
/// <param name="lines">How often it is told.</param>
/// <param name="log">Where it is told.</param>
internal sealed class ConnectionRoom(long below, SourceLines lines, ILogger log)
{
    private const string Listeners = "the listeners";
    private long _refused;

    /// <summary>Connections that were closed for want of descriptors since the start.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>False, and it is closed, if the connection is one too many.</summary>
    public bool Admits(Socket socket)
    {
        // Windows numbers its handles another way, and has plenty.
        if (OperatingSystem.IsWindows() || socket.SafeHandle.DangerousGetHandle() < below)
            return true;
        Interlocked.Increment(ref _refused);
        var remote = socket.RemoteEndPoint;
        socket.Dispose();
        if (lines.MayWrite(Listeners, out var note))
            Log.ConnectionRefused(log, remote, below, note);
        return false;
    }

    /// <summary>A listener gets no connection from the kernel.</summary>
    public void CannotAccept(EndPoint? listener, string why)
    {
        if (lines.MayWrite($"{Listeners}, {why}", out var note))
            Log.CannotAccept(log, listener, why + note);
    }
}
