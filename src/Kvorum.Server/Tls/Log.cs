using System.Net;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Tls;

/// <summary>What TLS logs. Event ids 120 to 139.</summary>
internal static partial class Log
{
    [LoggerMessage(120, LogLevel.Warning, "refused the connection of {Remote} to {Listener}: {Why}")]
    public static partial void Refused(ILogger log, EndPoint? remote, string listener, string why);

    [LoggerMessage(121, LogLevel.Information,
        "TLS: the certificate of {Name}, {Files}, is valid until {Until:u}; {Authorities} CA(s), {Revoked} "
        + "revoked certificate(s)")]
    public static partial void Loaded(
        ILogger log, string name, string files, DateTime until, int authorities, int revoked);

    [LoggerMessage(122, LogLevel.Error,
        "TLS: the files have changed and are not taken, the former ones stay in use: {Why}")]
    public static partial void NotTaken(ILogger log, string why);

    [LoggerMessage(123, LogLevel.Warning, "TLS: {Advice}")]
    public static partial void Unwise(ILogger log, string advice);

    [LoggerMessage(124, LogLevel.Warning, "closed the connection with {Who} at {Remote}: {Why}")]
    public static partial void Closed(ILogger log, string who, EndPoint? remote, string why);
}
