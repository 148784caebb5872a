using System.Net;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Native;

/// <summary>What the client listener and its native connections log. Event ids 300 to 319.</summary>
internal static partial class Log
{
    [LoggerMessage(300, LogLevel.Warning, "client {Client} was cut off: {Reason}")]
    public static partial void CutOff(ILogger logger, EndPoint? client, string reason);

    [LoggerMessage(302, LogLevel.Error, "a fault while serving client {Client}")]
    public static partial void Fault(ILogger logger, Exception fault, EndPoint? client);

    [LoggerMessage(304, LogLevel.Debug, "client {Client} is gone: {Reason}")]
    public static partial void Gone(ILogger logger, EndPoint? client, string reason);

    [LoggerMessage(303, LogLevel.Debug, "native client {Name} at {Client}")]
    public static partial void Greeted(ILogger logger, string name, EndPoint? client);
}
