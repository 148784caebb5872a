using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;

namespace Kvorum.Server.Http;

/// <summary>
/// What keeps web pages away from a node that only the visitor's machine can reach. A page under a name that
/// its owner points to this address (DNS rebinding) is of the same origin to a browser, and shows itself by
/// the Host header; a page of another origin may send simple requests unasked, and shows itself by Origin and
/// Sec-Fetch-Site, which pages cannot set. No request to read across origins is ever permitted: the node
/// sends no Access-Control headers.
/// </summary>
/// <param name="names">Names, beside localhost and addresses, under which the node may be asked.</param>
internal sealed class SiteRules(IEnumerable<string> names)
{
    private readonly HashSet<string> _names = new(["localhost", .. names], StringComparer.OrdinalIgnoreCase);

    /// <summary>Throws unless the request may be served: 421 or 403.</summary>
    public void Check(HttpRequest request)
    {
        var host = request.Headers.Host.ToString();
        if (!IsOwn(host) && !(host.Length == 0 && HttpProtocol.IsHttp10(request.Protocol)))
            throw HttpFailure.Of(
                421, "wrong-host",
                $"this node is not asked under the name '{HttpFailure.Shown(host)}', so that no web page can "
                + "take it for its own server: ask by address, or start the node with --http-host and that "
                + "name");
        if (!HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method))
            RefuseOtherOrigins(request, host);
    }

    /// <summary>
    /// Throws 415 unless the body is declared as JSON in UTF-8. Programs that are no browsers may declare
    /// anything: <c>curl -d</c> does. A page could send text/plain without being asked for permission first.
    /// </summary>
    public static void RequireJson(HttpRequest request)
    {
        var isFromPage = request.Headers.ContainsKey("Origin")
            || request.Headers.ContainsKey("Sec-Fetch-Site");
        var type = request.Headers.ContentType.ToString();
        var parts = type.Split(';', StringSplitOptions.TrimEntries);
        var isJson = parts[0].Equals("application/json", StringComparison.OrdinalIgnoreCase);
        var isUtf8 = parts.Skip(1).All(static part =>
            !part.StartsWith("charset=", StringComparison.OrdinalIgnoreCase)
            || part["charset=".Length..].Trim('"').Equals("utf-8", StringComparison.OrdinalIgnoreCase));
        if (!isUtf8 || (isFromPage && !isJson))
            throw HttpFailure.Of(
                415, "unsupported-media-type",
                $"the body is declared as '{HttpFailure.Shown(type)}'; it is application/json, in UTF-8");
    }

    private static void RefuseOtherOrigins(HttpRequest request, string host)
    {
        var origin = request.Headers.Origin.ToString();
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        // A proxy that ends TLS changes the scheme and may leave Host: only the authority is compared.
        var scheme = origin.IndexOf("://", StringComparison.Ordinal);
        var isOwn = scheme > 0 && origin[(scheme + 3)..].Equals(host, StringComparison.OrdinalIgnoreCase);
        if ((origin.Length > 0 && !isOwn) || site is not ("" or "same-origin" or "none"))
            throw HttpFailure.Of(
                403, "cross-site",
                "requests from pages of other sites are refused: Origin is "
                + $"'{HttpFailure.Shown(origin)}', Sec-Fetch-Site '{HttpFailure.Shown(site)}'");
    }

    private bool IsOwn(string host)
    {
        var name = WithoutPort(host);
        return IsAddress(name) || _names.Contains(name.EndsWith('.') ? name[..^1] : name);
    }

    /// <summary>
    /// Only as addresses are usually written: "1" and "0x7f.1" are numbers to some parsers and names to
    /// others.
    /// </summary>
    private static bool IsAddress(string name) =>
        name.StartsWith('[') && name.EndsWith(']')
        ? IPAddress.TryParse(name[1..^1], out var six) && six.AddressFamily == AddressFamily.InterNetworkV6
        : IPAddress.TryParse(name, out var four) && four.AddressFamily == AddressFamily.InterNetwork
            && four.ToString() == name;

    private static string WithoutPort(string host)
    {
        var colon = host.LastIndexOf(':');
        return colon > host.LastIndexOf(']') && !host.AsSpan(colon + 1).ContainsAnyExceptInRange('0', '9')
            ? host[..colon]
            : host;
    }
}
