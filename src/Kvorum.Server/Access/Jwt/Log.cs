using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Access.Jwt;

/// <summary>What is logged of JSON Web Tokens and their keys. Event ids 160 to 169.</summary>
internal static partial class Log
{
    [LoggerMessage(160, LogLevel.Information, "JSON Web Tokens: {Source} gives the keys {Keys}")]
    public static partial void Loaded(ILogger log, string source, string keys);

    [LoggerMessage(161, LogLevel.Information, "JSON Web Tokens: key {Key} of {Source} is not used: {Why}")]
    public static partial void LeftOut(ILogger log, string key, string source, string why);

    [LoggerMessage(162, LogLevel.Error, "JSON Web Tokens: {Failure}")]
    public static partial void NotTaken(ILogger log, string failure);
}
