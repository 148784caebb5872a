using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Grpc;

/// <summary>What the gRPC front end logs. Event ids 2000 to 2099.</summary>
internal static partial class Log
{
    [LoggerMessage(2000, LogLevel.Error, "{Path} failed (call {Call})")]
    public static partial void HandlerFailed(ILogger logger, string path, string call, Exception cause);
}
