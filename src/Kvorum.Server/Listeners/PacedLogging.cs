using System.Net;
using Microsoft.Extensions.Logging;

namespace Kvorum.Server.Listeners;

/// <summary>
/// Logging for the front ends: of the lines that are written while a connection is served, each address gets
/// one a minute (<see cref="SourceLines"/>). The web server's own are warnings at most: what a client sends
/// is no fault of the node.
/// </summary>
internal sealed class PacedLogging(ILoggerFactory inner, SourceLines lines) : ILoggerFactory
{
    private static readonly AsyncLocal<EndPoint?> Served = new();

    /// <summary>
    /// What is awaited from here on, by the caller, serves a connection from there.
    /// </summary>
    public static void Serves(EndPoint? remote) => Served.Value = remote;

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new Paced(
        inner.CreateLogger(categoryName), lines,
        categoryName.StartsWith("Microsoft.", StringComparison.Ordinal));

    /// <inheritdoc/>
    public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

    /// <summary>The inner one is its owner's.</summary>
    public void Dispose()
    {
    }

    private sealed class Paced(ILogger inner, SourceLines lines, bool isWebServers) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(Capped(logLevel));

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            var (level, remote) = (Capped(logLevel), Served.Value);
            if (!inner.IsEnabled(level))
                return;
            if (level < LogLevel.Warning || (remote is null && !isWebServers))
            {
                inner.Log(level, eventId, state, exception, formatter);
                return;
            }

            var isFault = level > LogLevel.Warning;
            var source = isFault ? SourceLines.FaultsOf(remote) : SourceLines.Name(remote);
            if (lines.MayWrite(source, out var note))
                inner.Log(level, eventId, state, exception,
                    (told, cause) => $"{formatter(told, cause)} [{remote?.ToString() ?? "no client"}]{note}");
        }

        private LogLevel Capped(LogLevel level) =>
            isWebServers && level is LogLevel.Error or LogLevel.Critical ? LogLevel.Warning : level;
    }
}
