using System.Globalization;
using System.Net;

namespace Kvorum.Server;

/// <summary>Reads <c>host:port</c>, <c>:port</c> and <c>[ipv6]:port</c>.</summary>
public static class HostPort
{
    /// <summary>The host and port, or null if the text is none. An empty host stays empty.</summary>
    public static (string Host, int Port)? TryParse(string text)
    {
        int colon = text.LastIndexOf(':');
        if (colon < 0 || !int.TryParse(
            text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port))
            return null;
        string host = text[..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
            host = host[1..^1];
        else if (host.Contains(':', StringComparison.Ordinal))
            return null;
        bool isPlain = !host.Any(c => char.IsWhiteSpace(c) || c is '/' or '@' or ',');
        return port <= ushort.MaxValue && isPlain ? (host, port) : null;
    }

    /// <summary>
    /// What to add to a complaint about a text that is no address: brackets, if it looks like IPv6; else
    /// nothing.
    /// </summary>
    public static string Hint(string text) =>
        text.Count(static c => c == ':') > 1 && !text.Contains('[', StringComparison.Ordinal)
            ? "; an IPv6 address goes in brackets, as in [::1]:50051" : "";

    /// <summary>An endpoint to dial: a number as it is, a name to be resolved at each dial.</summary>
    public static EndPoint Parse(string text)
    {
        if (TryParse(text) is not var (host, port))
            throw new FormatException($"'{text}' is no host:port{Hint(text)}");
        return IPAddress.TryParse(host, out var number)
            ? new IPEndPoint(number, port) : new DnsEndPoint(host, port);
    }
}
