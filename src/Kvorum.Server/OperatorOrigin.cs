using System.Net;
using Kvorum.Node.Administration;

namespace Kvorum.Server;

/// <summary>
/// By which means and from where a change is asked for, as events tell it. Who asks is put before it at the
/// door, where that is known.
/// </summary>
internal static class OperatorOrigin
{
    /// <summary>A node with that join token asks from there.</summary>
    public static string ByToken(string id, EndPoint? place) =>
        $"join token {id} from {Plain((place as IPEndPoint)?.Address)}";

    /// <summary>The request; if it is for a change, with who asks for it.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="means">The protocol: http, grpc or native.</param>
    /// <param name="place">The other end of the connection; null if it is not known.</param>
    public static AdminRequest Of(AdminRequest request, string means, IPAddress? place)
    {
        if (request is not AdminChange change)
            return request;
        var address = Plain(place);
        return change with { By = $"operator via {means}{(address is null ? "" : $" from {address}")}" };
    }

    // An address of IPv4 as everybody writes it.
    private static IPAddress? Plain(IPAddress? place) =>
        place is { IsIPv4MappedToIPv6: true } ? place.MapToIPv4() : place;
}
