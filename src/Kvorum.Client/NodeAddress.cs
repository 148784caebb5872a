using System.Globalization;

namespace Kvorum.Client;

/// <summary>host:port of a node's client door.</summary>
/// <param name="Text">As it was given.</param>
/// <param name="Host">Name or IP address; IPv6 without brackets.</param>
/// <param name="Port">1 to 65535.</param>
internal readonly record struct NodeAddress(string Text, string Host, int Port)
{
    /// <summary>Reads "host:port" or "[v6]:port".</summary>
    public static bool TryParse(string text, out NodeAddress address)
    {
        address = default;
        var colon = text.LastIndexOf(':');
        var digits = text.AsSpan(colon + 1);
        if (colon < 1 || !int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port is < 1 or > 65535)
            return false;
        var host = text[..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
            host = host[1..^1];
        else if (host.Contains(':', StringComparison.Ordinal))
            return false;
        address = new(text, host, port);
        return host.Length > 0;
    }
}
