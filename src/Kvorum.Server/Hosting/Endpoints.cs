using System.Net;
using System.Net.Sockets;
using Kvorum.Protocol;

namespace Kvorum.Server.Hosting;

/// <summary>From the addresses of the flags to endpoints of this machine.</summary>
internal static class Endpoints
{
    /// <summary>The address written out: a missing host is this machine alone.</summary>
    public static string Spelled(string address) => address.StartsWith(':') ? "127.0.0.1" + address : address;

    /// <summary>
    /// Where to listen. Names are resolved; <c>*</c> is every interface. <see cref="ServerStartException"/>
    /// if there is no such address here.
    /// </summary>
    public static IPEndPoint ToListen(string flag, string address)
    {
        var (host, port) = HostPort.TryParse(Spelled(address))
            ?? throw new ServerStartException($"{flag} '{address}': give host:port");
        if (host == "*")
            return new(IPAddress.IPv6Any, port);
        if (IPAddress.TryParse(host, out var number))
            return new(number, port);
        try
        {
            var found = Dns.GetHostAddresses(host);
            var plain = found.FirstOrDefault(one => one.AddressFamily == AddressFamily.InterNetwork);
            return new(plain ?? found[0], port);
        }
        catch (Exception e) when (e is SocketException or IndexOutOfRangeException)
        {
            throw new ServerStartException(
                $"{flag} {address}: the host name is not known here ({e.Message}): give an IP address");
        }
    }

    /// <summary>
    /// What others are told to dial: what the flag says, else where we listen; for all interfaces the host by
    /// which peers know us.
    /// </summary>
    public static string ToAdvertise(string flagged, IPEndPoint listening, string peerAddress)
    {
        if (flagged.Length > 0)
            return flagged;
        var isEverywhere = listening.Address.Equals(IPAddress.Any)
            || listening.Address.Equals(IPAddress.IPv6Any);
        if (!isEverywhere)
            return listening.ToString();
        var host = HostPort.TryParse(peerAddress)?.Host ?? "";
        host = host is "" or "0.0.0.0" or "::" or "*" ? Dns.GetHostName() : host;
        return host.Contains(':', StringComparison.Ordinal)
            ? $"[{host}]:{listening.Port}" : $"{host}:{listening.Port}";
    }

    /// <summary>What to say when an address cannot be had.</summary>
    public static ServerStartException CannotListen(
        string flag, EndPoint endpoint, SocketError error, string message) => new(error switch
        {
            SocketError.AddressAlreadyInUse =>
                $"{flag} {endpoint}: the port is in use, by another process or an outgoing connection; end "
                + $"it (ss -tanp 'sport = :{(endpoint as IPEndPoint)?.Port}' shows it), choose another port "
                + $"with {flag}, or wait longer with --port-wait",
            SocketError.AccessDenied =>
                $"{flag} {endpoint}: no right to listen there; choose a port above 1023 with {flag}",
            SocketError.AddressNotAvailable =>
                $"{flag} {endpoint}: this machine has no such address; choose one of its own with {flag}",
            _ => $"{flag} {endpoint}: {message}; choose another address with {flag}",
        });
}
