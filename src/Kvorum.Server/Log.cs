using Microsoft.Extensions.Logging;

namespace Kvorum.Server;

/// <summary>All log lines of the server, one event each. Event ids are stable: alerts and searches are built on them.</summary>
internal static partial class Log
{
    [LoggerMessage(100, LogLevel.Information, "peer {Name} ({Address}) is up")]
    public static partial void PeerUp(ILogger log, string name, string address);

    [LoggerMessage(101, LogLevel.Warning, "peer {Name} ({Address}) is lost: {Why}")]
    public static partial void PeerLost(ILogger log, string name, string address, string why);

    [LoggerMessage(102, LogLevel.Warning, "peer {Name} ({Address}) cannot be reached: {Why}; trying on")]
    public static partial void PeerUnreachable(ILogger log, string name, string address, string why);

    [LoggerMessage(103, LogLevel.Error, "peer {Name} ({Address}) and this node refuse each other: {Why}")]
    public static partial void PeerRefused(ILogger log, string name, string address, string why);

    [LoggerMessage(104, LogLevel.Error, "refused a connection to the peer port from {Remote}: {Why}")]
    public static partial void IncomingRefused(ILogger log, string remote, string why);

    [LoggerMessage(105, LogLevel.Debug, "a connection from peer {Name} ended: {Why}")]
    public static partial void IncomingEnded(ILogger log, string name, string why);

    [LoggerMessage(106, LogLevel.Information, "peer {Name} has moved to {Address}")]
    public static partial void PeerMoved(ILogger log, string name, string address);

    [LoggerMessage(107, LogLevel.Error, "cannot take connections on the peer port: {Why}")]
    public static partial void AcceptFailed(ILogger log, string why);
}
