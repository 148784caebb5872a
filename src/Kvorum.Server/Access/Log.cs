using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Access;

/// <summary>What the log says of those who are refused.</summary>
internal static partial class Log
{
    [LoggerMessage(130, LogLevel.Warning, "{Place}: {Who} is refused: {Why}{Note}")]
    public static partial void Refused(ILogger log, string place, string who, string why, string note);

    [LoggerMessage(133, LogLevel.Warning, "{Who} has {What}{Note}")]
    public static partial void UserAtBound(ILogger log, string who, string what, string note);
}
