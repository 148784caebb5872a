using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Audit;

/// <summary>What the audit log says of itself. Event ids 140 to 149.</summary>
internal static partial class Log
{
    [LoggerMessage(140, LogLevel.Error,
        "--audit-log {Path} cannot be written, events wait and it is tried again: {Why}")]
    public static partial void CannotWrite(ILogger log, string path, string why);

    [LoggerMessage(141, LogLevel.Warning,
        "--audit-log {Path} is written again; {Lost} event(s) since the start are missing in it")]
    public static partial void WrittenAgain(ILogger log, string path, long lost);

    [LoggerMessage(142, LogLevel.Error,
        "--audit-log {Path}: {Lost} event(s) could not be written before the node ended")]
    public static partial void EndsWithLoss(ILogger log, string path, long lost);
}
