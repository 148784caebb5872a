using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Http;

/// <summary>What the HTTP front end logs. Event ids 2100 to 2199.</summary>
internal static partial class Log
{
    [LoggerMessage(2100, LogLevel.Error, "{Method} {Path} failed")]
    public static partial void RequestFailed(ILogger logger, string method, string path, Exception cause);
}
