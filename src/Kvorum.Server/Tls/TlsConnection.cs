using System.IO.Pipelines;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Kvorum.Server.Tls;

/// <summary>
/// An encrypted connection as the web server takes it: its requests know that they are, and by whom.
/// </summary>
internal sealed class TlsConnection : ConnectionContext, ITlsConnectionFeature, ITlsApplicationProtocolFeature
{
    // As Kestrel has them for its own: memory for a read is taken when there is something to read.
    private static readonly StreamPipeReaderOptions Reading = new(leaveOpen: true, useZeroByteReads: true);
    private static readonly StreamPipeWriterOptions Writing = new(leaveOpen: true);

    private readonly TlsStream _stream;
    private readonly CancellationTokenSource _closed = new();
    private int _isClosed;

    public TlsConnection(TlsStream stream)
    {
        stream.Leave();
        _stream = stream;
        ConnectionId = Guid.NewGuid().ToString("N");
        LocalEndPoint = stream.Socket.LocalEndPoint;
        RemoteEndPoint = stream.Remote;
        Transport = new Pipes(PipeReader.Create(stream, Reading), PipeWriter.Create(stream, Writing));
        ConnectionClosed = _closed.Token;
        Features.Set<ITlsConnectionFeature>(this);
        Features.Set<ITlsApplicationProtocolFeature>(this);
        Features.Set(stream.Identity);
    }

    /// <inheritdoc/>
    public override string ConnectionId { get; set; }

    /// <inheritdoc/>
    public override IFeatureCollection Features { get; } = new FeatureCollection();

    /// <inheritdoc/>
    public override IDictionary<object, object?> Items { get; set; } = new ConnectionItems();

    /// <inheritdoc/>
    public override IDuplexPipe Transport { get; set; }

    /// <inheritdoc/>
    public X509Certificate2? ClientCertificate { get; set; }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> ApplicationProtocol => _stream.NegotiatedApplicationProtocol.Protocol;

    /// <inheritdoc/>
    public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) =>
        Task.FromResult(ClientCertificate);

    /// <inheritdoc/>
    public override void Abort(ConnectionAbortedException abortReason) => Close();

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await Transport.Input.CompleteAsync().ConfigureAwait(false);
        try
        {
            await Transport.Output.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (Sockets.SocketStreams.IsLoss(e))
        {
            // The client is gone: there is nobody to send the rest to.
        }

        Close();
        await base.DisposeAsync().ConfigureAwait(false);
    }

    private void Close()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) != 0)
            return;
        _stream.Dispose();
        // Continuations of the web server must not run on the thread that closes.
        ThreadPool.UnsafeQueueUserWorkItem(static closed => closed.Cancel(), _closed, preferLocal: false);
    }

    private sealed record Pipes(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
