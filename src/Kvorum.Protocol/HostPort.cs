using System.Globalization;

namespace Kvorum.Protocol;

/// <summary>
/// Where a node listens or is dialled, as people write it: <c>host:port</c>, <c>:port</c> or
/// <c>[IPv6]:port</c>.
/// </summary>
/// <param name="Host">Name or IP address, IPv6 without brackets; empty if only the port is written.</param>
/// <param name="Port">0 to 65535; 0 stands for any free one.</param>
public readonly record struct HostPort(string Host, int Port)
{
    /// <summary>True if there is a host, and a port other than 0: it can be dialled.</summary>
    public bool IsDialable => Host.Length > 0 && Port > 0;

    /// <summary>The host and port, or null if the text is none. An empty host stays empty.</summary>
    public static HostPort? TryParse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var colon = text.LastIndexOf(':');
        if (colon < 0 || !int.TryParse(
            text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
            return null;
        var host = text[..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
            host = host[1..^1];
        else if (host.Contains(':', StringComparison.Ordinal))
            return null;
        var isPlain = !host.Any(static c => char.IsWhiteSpace(c) || c is '/' or '@' or '=' or ',');
        return port <= ushort.MaxValue && isPlain ? new(host, port) : null;
    }

    /// <summary>
    /// What to add to a complaint about a text that is no address: to leave the id out, if it has one;
    /// brackets, if it looks like IPv6; else nothing.
    /// </summary>
    public static string Hint(string text)
    {
        var id = text.AsSpan().LastIndexOfAny('=', '@');
        var address = text[(id + 1)..];
        if (id >= 0 && TryParse(address) is not null)
            return $"; leave the id out: write {address}";
        return text.Count(static c => c == ':') > 1 && !text.Contains('[', StringComparison.Ordinal)
            ? "; an IPv6 address goes in brackets, as in [::1]:50051" : "";
    }
}
