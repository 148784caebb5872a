using Microsoft.Extensions.Hosting;

namespace Kvorum.Server.Listeners;

/// <summary>
/// Lifetime of a web application within a server: the console handling of the web host would take the
/// process's signals, which belong to the embedding program.
/// </summary>
internal sealed class EmbeddedLifetime : IHostLifetime
{
    /// <inheritdoc/>
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
