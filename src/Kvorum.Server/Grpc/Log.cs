using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Grpc;

/// <summary>What the gRPC front end logs. Event ids 2000 to 2099.</summary>
internal static partial class Log
{
    [LoggerMessage(2000, LogLevel.Error, "{Path} failed (call {Call})")]
    public static partial void HandlerFailed(ILogger logger, string path, string call, Exception cause);

    [LoggerMessage(2001, LogLevel.Warning, "{Path}: the reply could not be sent (call {Call})")]
    public static partial void ReplyFailed(ILogger logger, string path, string call, Exception cause);
}
