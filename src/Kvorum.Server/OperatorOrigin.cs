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
    public static string ByToken(string id, EndPoint? place)
    {
        var address = (place as IPEndPoint)?.Address;
        return $"join token {id} from "
            + (address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address);
    }

    /// <summary>The request; if it is for a change, with who asks for it.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="means">The protocol: http, grpc or native.</param>
    /// <param name="place">The other end of the connection; null if it is not known.</param>
    public static AdminRequest Of(AdminRequest request, string means, IPAddress? place)
    {
        if (request is not AdminChange change)
            return request;
        var address = place is { IsIPv4MappedToIPv6: true } ? place.MapToIPv4() : place;
        return change with { By = $"operator via {means}{(address is null ? "" : $" from {address}")}" };
    }
}
