using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kvorum.Server.Listeners;

/// <summary>
/// Logging for a web application, without the lines of ASP.NET Core's hosting for each request: as long as
/// that logger is enabled at all, hosting makes an activity and a logging scope for every request, which
/// costs more than the dispatch of a call. The web server's own lines are elsewhere and stay.
/// </summary>
internal sealed class WithoutRequestLog(ILoggerFactory inner) : ILoggerFactory
{
    private const string RequestLines = "Microsoft.AspNetCore.Hosting.Diagnostics";

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) =>
        categoryName == RequestLines ? NullLogger.Instance : inner.CreateLogger(categoryName);

    /// <inheritdoc/>
    public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

    /// <summary>The inner one is its owner's.</summary>
    public void Dispose()
    {
    }
}
