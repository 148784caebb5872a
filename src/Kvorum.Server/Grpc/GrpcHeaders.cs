using System.Globalization;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Kvorum.Server.Grpc;

/// <summary>
/// The headers that steer a call, where the library passes over what it should refuse: it takes a malformed
/// deadline, and one that has passed, for none, and looks at the name of a compression only where a message
/// uses it.
/// </summary>
internal static class GrpcHeaders
{
    private const string KnownEncodings = $"identity,{Gzip.Name}";

    /// <summary>
    /// Why the call is refused; null if it is served. Its <paramref name="timeout"/> is null if it has none.
    /// </summary>
    public static Status? Take(HttpContext http, TimeSpan timeoutMax, out TimeSpan? timeout)
    {
        timeout = null;
        var headers = http.Request.Headers;
        if (headers["grpc-timeout"].ToString() is { Length: > 0 } text)
        {
            if (!GrpcText.TryParseTimeout(text, timeoutMax, out var time))
                return new(StatusCode.Internal, $"grpc-timeout is malformed: {text}");
            if (time == TimeSpan.Zero)
                return new(StatusCode.DeadlineExceeded, "the deadline had passed when the call arrived");
            timeout = time;
        }

        switch (headers["grpc-encoding"].ToString())
        {
            case Gzip.Name:
                break;
            case "" or "identity":
                // Only a client that compresses gets compressed answers.
                headers.Remove("grpc-accept-encoding");
                break;
            case var encoding:
                http.Response.Headers["grpc-accept-encoding"] = KnownEncodings;
                return new(
                    StatusCode.Unimplemented,
                    $"grpc-encoding {encoding} is not known; known are {KnownEncodings}");
        }

        return null;
    }

    /// <summary>True if the content type is that of a gRPC call.</summary>
    public static bool IsGrpc(string? contentType)
    {
        const string Base = "application/grpc";
        if (contentType is null || !contentType.StartsWith(Base, StringComparison.OrdinalIgnoreCase))
            return false;
        var rest = contentType.AsSpan(Base.Length);
        return rest.IsEmpty || rest[0] == ';'
            || rest.StartsWith("+proto", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>
    /// Ends a call that the library has not seen: its status is in the headers, and so are its trailers.
    /// </summary>
    public static void Refuse(HttpContext http, Status refusal, Metadata? trailers = null)
    {
        var headers = http.Response.Headers;
        foreach (var trailer in trailers ?? Metadata.Empty)
            headers.Append(
                trailer.Key,
                trailer.IsBinary ? Convert.ToBase64String(trailer.ValueBytes) : trailer.Value);
        headers.ContentType = "application/grpc";
        headers["grpc-status"] = ((int)refusal.StatusCode).ToString(CultureInfo.InvariantCulture);
        headers["grpc-message"] = GrpcText.EncodeMessage(refusal.Detail);
    }
}
